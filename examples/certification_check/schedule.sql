-- Lets the database queue the nightly run itself, so that it does not depend on a host's scheduler. A worker, wherever
-- it is, then works off what is queued: `python -m examples.certification_check work`.
--
-- Apply it in the SQL editor. It needs the extension pg_cron (Supabase: Integrations, Cron). Its hours are UTC.

select cron.schedule('certification-check', '15 2 * * *', 'select certification_check.enqueue()');
