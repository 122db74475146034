select
    renewal_date,
    days_left,
    notice_deadline,
    days_to_notice,
    seats,
    seats_needed,
    cost_per_year,
    saving_per_year,
    currency
from dropbox_audit.renewals
