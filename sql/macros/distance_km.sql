{# Kilometres between two points on the globe, along its surface (haversine). Degrees in. #}
{% macro distance_km(latitude, longitude, other_latitude, other_longitude) -%}
    12742 * asin(
        sqrt(
            power(sin(({{ other_latitude }} - {{ latitude }}) * 0.00872664625997165), 2)
            + cos({{ latitude }} * 0.0174532925199433)
            * cos({{ other_latitude }} * 0.0174532925199433)
            * power(sin(({{ other_longitude }} - {{ longitude }}) * 0.00872664625997165), 2)
        )
    )
{%- endmacro %}
