-- Table. Put the exposure, the property that names the variant, and your goals in.
SELECT metric, goal, variant_name, is_control, persons, converted, rate, mean, difference, lower, upper, p_value,
       fisher_p_value, message
FROM journey.experiment_report('web', 'Experiment Viewed', 'variation_name', ARRAY['Order Completed']
     [[, since => {{since}}]] [[, until => {{until}}]]);
