select
    id as lead_id,
    lower(trim(email)) as email,
    user_id,
    is_mql,
    mql_at,
    systemmodstamp as updated_at
from {{ source('salesforce', 'leads') }}
