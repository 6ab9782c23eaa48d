-- What the nightly certification check (examples/certification_check) plans, has done, and failed to do.
--
-- A plan is committed before Dynamics is called, and struck off after: nothing that Dynamics does or fails to do takes
-- back what stands here. What is kept of a mentor is the id of the contact, days and yes or no; all the same it says
-- who is paused, so it is for the service role alone: the schema is none of those that the Data API exposes, nobody
-- else has a privilege in it, and row level security lets nobody in who is given one by mistake.
--
-- Apply it in one transaction (`supabase db push`, or `psql --single-transaction`). It may be applied again at any time.

create schema if not exists certification_check;

create table if not exists certification_check.runs (
    id bigint generated always as identity primary key,
    organisation text not null,
    due_on date not null,
    dry_run boolean not null default false,
    state text not null default 'queued'
    check (state in ('queued', 'running', 'finished', 'skipped', 'superseded')),
    attempt integer not null default 0,
    cursor text,
    scanned boolean not null default false,
    counts jsonb not null default '{}',
    report jsonb,
    queued_at timestamptz not null default now(),
    started_at timestamptz,
    touched_at timestamptz,
    finished_at timestamptz,
    unique (organisation, due_on, dry_run)
);
create index if not exists runs_to_do on certification_check.runs (due_on) where state in ('queued', 'running');
comment on table certification_check.runs is 'The queue, and what became of each run. due_on is the day that it judges by.';
comment on column certification_check.runs.attempt is 'Which process works on it: one that was overtaken is refused.';
comment on column certification_check.runs.cursor is 'Where the reading of mentors has come to; empty once it is done.';

create table if not exists certification_check.batches (
    run_id bigint not null references certification_check.runs on delete cascade,
    number integer not null,
    attempt integer not null,
    mentors integer not null,
    steps integer not null,
    seconds numeric(9, 3) not null,
    ended_at timestamptz not null default now(),
    primary key (run_id, number)
);

create table if not exists certification_check.pauses (
    organisation text not null,
    mentor_id uuid not null,
    paused_on date not null,
    was_visible boolean not null,
    primary key (organisation, mentor_id)
);
comment on table certification_check.pauses is 'Whom this job has paused: those whom it may restore.';

create table if not exists certification_check.steps (
    id bigint generated always as identity primary key,
    run_id bigint not null references certification_check.runs,
    organisation text not null,
    mentor_id uuid not null,
    kind text not null check (kind in ('pause', 'hide', 'restore')),
    paused_on date not null,
    was_visible boolean not null,
    state text not null default 'planned' check (state in ('planned', 'done', 'obsolete')),
    tries integer not null default 0,
    tried_run bigint,
    tried_attempt integer,
    planned_at timestamptz not null default now(),
    finished_at timestamptz
);
create unique index if not exists one_open_step on certification_check.steps (organisation, mentor_id)
where state = 'planned';
create index if not exists steps_by_run on certification_check.steps (run_id);
comment on table certification_check.steps is
    'What is to be done in Dynamics, until it is done there, or obsolete since somebody else has changed the mentor.';

create table if not exists certification_check.notices (
    organisation text not null,
    mentor_id uuid not null,
    certification_expires_on date not null,
    days integer not null check (days in (60, 30, 7)),
    run_id bigint not null references certification_check.runs,
    recorded_at timestamptz not null default now(),
    primary key (organisation, mentor_id, certification_expires_on, days)
);
create index if not exists notices_by_run on certification_check.notices (run_id);
comment on table certification_check.notices is
    'That a mentor is to be told of an expiry, so many days before. A renewal is another certification.';

create table if not exists certification_check.failures (
    id bigint generated always as identity primary key,
    organisation text not null,
    work text not null check (work in ('read', 'pause', 'hide', 'restore')),
    mentor_id uuid check ((mentor_id is null) = (work = 'read')),
    code text not null,
    correlation_id text,
    times integer not null default 1,
    first_at timestamptz not null default now(),
    last_at timestamptz not null default now(),
    resolved_at timestamptz,
    resolved_by text check ((resolved_by is null) = (resolved_at is null) and resolved_by in ('success', 'hand'))
);
create unique index if not exists one_open_failure on certification_check.failures (organisation, mentor_id)
nulls not distinct where resolved_at is null;
comment on table certification_check.failures is
    'What could not be done. Open until it has been done, or somebody gives it up; correlation_id finds it in logs.';

do $$
declare
    kept record;
begin
    for kept in select tablename from pg_catalog.pg_tables where schemaname = 'certification_check' loop
        execute format('alter table certification_check.%I enable row level security', kept.tablename);
        execute format('alter table certification_check.%I force row level security', kept.tablename);
    end loop;
end
$$;

-- Queues a run; null where that day's is there already, so a trigger that fires twice does no harm. It is what pg_cron
-- calls. Days are Oslo's, whatever the server's time zone: an expiry is a day there.
create or replace function certification_check.enqueue(
    organisation text default 'hlf', dry_run boolean default false, due_on date default null
) returns bigint
language sql
set search_path = ''
begin atomic
    insert into certification_check.runs (organisation, dry_run, due_on)
    values (
        enqueue.organisation,
        enqueue.dry_run,
        coalesce(enqueue.due_on, (pg_catalog.now() at time zone 'Europe/Oslo')::pg_catalog.date)
    )
    on conflict do nothing
    returning id;
end;

-- Takes the newest run that is to be done and on which nobody works, or none. While it is worked on, its organisation is
-- locked by an advisory lock of the session, which ends with the process, however that ends; so a run whose process was
-- killed can be taken at once, and two processes never work on the same organisation. A run that has a newer one is
-- closed: the newer one does what was left, and judges by its own day.
create or replace function certification_check.claim(dry_runs_only boolean default false)
returns setof certification_check.runs
language plpgsql
set search_path = ''
as $$
declare
    candidate certification_check.runs;
begin
    for candidate in
        select * from certification_check.runs as run
        where run.state in ('queued', 'running') and (run.dry_run or not dry_runs_only)
        order by run.due_on desc, run.id
        for update skip locked
    loop
        continue when not pg_catalog.pg_try_advisory_lock(certification_check.lock_key(candidate.organisation));
        if exists (
            select from certification_check.runs as newer
            where newer.organisation = candidate.organisation
                and newer.dry_run = candidate.dry_run
                and newer.due_on > candidate.due_on
        ) then
            update certification_check.runs as run
            set state = 'superseded', finished_at = pg_catalog.now(), cursor = null
            where run.id = candidate.id;
            perform pg_catalog.pg_advisory_unlock(certification_check.lock_key(candidate.organisation));
        else
            return query
                update certification_check.runs as run
                set
                    state = 'running',
                    attempt = run.attempt + 1,
                    started_at = coalesce(run.started_at, pg_catalog.now()),
                    touched_at = pg_catalog.now()
                where run.id = candidate.id
                returning run.*;
            return;
        end if;
    end loop;
end;
$$;

create or replace function certification_check.lock_key(organisation text) returns bigint
language sql immutable
set search_path = ''
begin atomic
    select pg_catalog.hashtextextended('certification_check ' || lock_key.organisation, 0);
end;

-- For an operator: what failed is not tried again. A later run plans it anew where it still has to be done.
create or replace function certification_check.give_up(failure_id bigint) returns boolean
language sql
set search_path = ''
begin atomic
    with given_up as (
        update certification_check.failures
        set resolved_at = pg_catalog.now(), resolved_by = 'hand'
        where id = give_up.failure_id and resolved_at is null
        returning organisation, mentor_id
    ),
    struck_off as (
        update certification_check.steps as step
        set state = 'obsolete', finished_at = pg_catalog.now()
        from given_up
        where step.organisation = given_up.organisation
            and step.mentor_id = given_up.mentor_id
            and step.state = 'planned'
        returning step.id
    )
    select exists (select from given_up);
end;

revoke all on schema certification_check from public, anon, authenticated, service_role;
revoke all on all tables in schema certification_check from public, anon, authenticated, service_role;
revoke all on all sequences in schema certification_check from public, anon, authenticated, service_role;
revoke all on all functions in schema certification_check from public, anon, authenticated, service_role;
grant usage on schema certification_check to service_role;
grant select, insert, update, delete on all tables in schema certification_check to service_role;
grant execute on all functions in schema certification_check to service_role;
