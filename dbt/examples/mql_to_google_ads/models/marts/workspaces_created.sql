{{ config(materialized='table') }}

-- In all, from the profile, and since the last run, as the difference to what this table had before.
-- A table, and not incremental: users who turn out to be one leave no row behind.
with counts as (
    select
        user_id,
        coalesce((event_counts ->> 'Workspace Created')::bigint, 0) as workspaces_created
    from {{ ref('journey__profiles') }}
    where user_id is not null
),

before as (
    {% if execute and load_relation(this) is not none -%}
    select user_id, workspaces_created from {{ this }}
    {%- else -%}
    select null::text as user_id, null::bigint as workspaces_created where false
    {%- endif %}
)

select
    counts.user_id,
    counts.workspaces_created,
    counts.workspaces_created - coalesce(before.workspaces_created, 0) as workspaces_created_since_last_run,
    current_timestamp as counted_at
from counts
left join before on before.user_id = counts.user_id
where counts.workspaces_created > 0
