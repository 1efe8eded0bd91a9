{% macro channels() -%}
    {{ return(adapter.dispatch('channels', 'pg_journey')()) }}
{%- endmacro %}

{% macro default__channels() -%}
    {{ return([
        'Direct', 'Cross-network', 'Paid Shopping', 'Paid Search', 'Paid Social', 'Paid Video',
        'Display', 'Paid Other', 'Organic Shopping', 'Organic Social', 'Organic Video',
        'Organic Search', 'AI Assistant', 'Referral', 'Email', 'Affiliates', 'Audio', 'SMS',
        'Mobile Push Notifications', 'Unassigned'
    ]) }}
{%- endmacro %}
