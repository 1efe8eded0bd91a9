{% macro named_properties() -%}
    {{ return(adapter.dispatch('named_properties', 'pg_journey')()) }}
{%- endmacro %}

{# Properties that have one name, whatever the loader calls their columns; the first that exists counts. They are
   kept where the option keep_properties says nothing else. As journey._named_properties() has them. #}
{% macro default__named_properties() -%}
    {{ return({
        'device_type': ['context_device_type', 'dvce_type'],
        'os_name': ['context_os_name', 'context_user_agent_data_platform', 'os_family'],
        'browser': ['context_browser_name', 'context_browser', 'context_browser_family', 'br_family'],
        'locale': ['context_locale', 'br_lang'],
        'country': ['context_geo_country_code', 'context_geo_country', 'context_geo_country_name',
                    'context_location_country', 'context_country', 'geo_country']
    }) }}
{%- endmacro %}
