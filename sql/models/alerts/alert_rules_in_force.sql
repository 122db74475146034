select
    rule_id,
    name,
    kind,
    event_types,
    counted,
    threshold,
    window_minutes,
    baseline_days,
    severity,
    escalations,
    title,
    why,
    runbook,
    mitre,
    peers,
    is_enabled
from {{ ref('int_alerts__rules') }}
