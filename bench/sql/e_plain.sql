-- found, and not decoded: in favour of plain SQL
SELECT count(substring(url from '[?&#]utm_source=([^&#]+)')), count(substring(url from '[?&#]utm_medium=([^&#]+)')),
       count(substring(url from '[?&#]utm_campaign=([^&#]+)')), count(substring(url from '[?&#]utm_term=([^&#]+)')),
       count(substring(url from '[?&#]utm_content=([^&#]+)')), count(substring(url from '[?&#]gclid=([^&#]+)'))
FROM bench.urls;
