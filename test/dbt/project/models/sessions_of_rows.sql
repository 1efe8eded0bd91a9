{{ config(materialized='materialized_view') }}

{{ pg_journey.sessions(ref('events'), timeout=var('timeout'), options={'internal_hosts': ['docs.acme.test']}) }}
