-- Who may see the status of which mentor. A status says that somebody has a hearing loss and is unwell or away, so it is
-- health-related: this file keeps as little of it as services need, and lets out less.
--
-- - A coordinator sees the mentors of their current assignments, within the chapters of these.
-- - A mentor sees themself, an administrator every mentor of the organisation, both within all chapters of the mentor.
-- - Nobody sees another organisation, whatever they are in their own. Nobody else sees anything.
--
-- Three locks stand behind each other. The schema is none of those that the Data API exposes. No role of browsers has a
-- privilege on a table; whoever is given one by mistake finds no row, since row level security lets in the service
-- role, which bypasses it, and one reader. And the rule is one function, which runs with the rights of that reader: it
-- may read these tables and do nothing else, so that an error in it opens nothing more.
--
-- Apply it in one transaction (`supabase db push`, or `psql --single-transaction`). It may be applied again at any time:
-- tables stay as they are, and what was granted since is taken back.

create schema if not exists mentoring;

do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'mentoring_reader') then
        create role mentoring_reader nologin noinherit;
    end if;
end
$$;
grant mentoring_reader to current_user; -- without it, PostgreSQL lets nobody but a superuser hand a function over

-- What is kept. Keys across tables begin with the organisation, so that no row can lead from one into another.

create table if not exists mentoring.organisations (
    id uuid primary key default gen_random_uuid(),
    name text not null unique
);

create table if not exists mentoring.chapters (
    id uuid primary key default gen_random_uuid(),
    organisation_id uuid not null references mentoring.organisations,
    name text not null,
    unique (organisation_id, name),
    unique (organisation_id, id)
);

create table if not exists mentoring.people (
    id uuid primary key default gen_random_uuid(),
    organisation_id uuid not null references mentoring.organisations,
    user_id uuid references auth.users on delete set null,
    unique (organisation_id, user_id),
    unique (organisation_id, id)
);
create index if not exists people_by_user on mentoring.people (user_id);
comment on table mentoring.people is
    'A person in one organisation. A user who is somebody in two organisations is two people, with one user_id.';

create table if not exists mentoring.administrators (
    person_id uuid primary key,
    organisation_id uuid not null,
    foreign key (organisation_id, person_id) references mentoring.people (organisation_id, id) on delete cascade
);

create table if not exists mentoring.mentors (
    person_id uuid primary key,
    organisation_id uuid not null,
    contact_id uuid not null,
    state text not null check (state in ('active', 'paused', 'expired_cert', 'resigned')),
    paused_until date check (state = 'paused' or paused_until is null),
    certification_expires_on date,
    updated_at timestamptz not null default now(),
    foreign key (organisation_id, person_id) references mentoring.people (organisation_id, id) on delete cascade,
    unique (organisation_id, contact_id),
    unique (organisation_id, person_id)
);
comment on table mentoring.mentors is
    'The status of a mentor as the services keep it. Names, and why somebody pauses, stay in Dynamics.';
comment on column mentoring.mentors.contact_id is 'The mentor''s contact in the organisation''s Dynamics.';

create table if not exists mentoring.mentor_chapters (
    mentor_id uuid,
    chapter_id uuid,
    organisation_id uuid not null,
    primary key (mentor_id, chapter_id),
    foreign key (organisation_id, mentor_id) references mentoring.mentors (organisation_id, person_id) on delete cascade,
    foreign key (organisation_id, chapter_id) references mentoring.chapters (organisation_id, id),
    unique (organisation_id, mentor_id, chapter_id)
);

create table if not exists mentoring.assignments (
    id bigint generated always as identity primary key,
    organisation_id uuid not null,
    coordinator_id uuid not null,
    mentor_id uuid not null,
    chapter_id uuid not null,
    starts_on date not null,
    ends_on date check (ends_on >= starts_on),
    foreign key (organisation_id, coordinator_id) references mentoring.people (organisation_id, id) on delete cascade,
    foreign key (organisation_id, mentor_id, chapter_id)
    references mentoring.mentor_chapters (organisation_id, mentor_id, chapter_id) on delete cascade,
    unique (coordinator_id, mentor_id, chapter_id, starts_on)
);
create index if not exists assignments_by_mentor on mentoring.assignments (organisation_id, mentor_id, chapter_id);
comment on table mentoring.assignments is
    'Who coordinates whom in which chapter. Both days count; no end is open. A mentor who leaves a chapter leaves these.';

-- Who gets at the tables: services write as service_role, the reader reads, nobody else does either.

do $$
declare
    kept record;
begin
    for kept in select tablename from pg_catalog.pg_tables where schemaname = 'mentoring' loop
        execute format('alter table mentoring.%I enable row level security', kept.tablename);
        execute format('alter table mentoring.%I force row level security', kept.tablename);
        execute format('drop policy if exists "the reader reads" on mentoring.%I', kept.tablename);
        execute format(
            'create policy "the reader reads" on mentoring.%I for select to mentoring_reader using (true)',
            kept.tablename
        );
    end loop;
end
$$;

revoke all on schema mentoring from public, anon, authenticated, service_role, mentoring_reader;
revoke all on all tables in schema mentoring from public, anon, authenticated, service_role, mentoring_reader;
revoke all on all sequences in schema mentoring from public, anon, authenticated, service_role, mentoring_reader;
grant usage on schema mentoring to authenticated, service_role, mentoring_reader; -- authenticated: for the function
grant select, insert, update, delete on all tables in schema mentoring to service_role;
grant select on all tables in schema mentoring to mentoring_reader;

-- The rule. Bodies between `begin atomic` and `end` are bound when they are made: a caller's search path, temporary
-- tables and temporary types, which an empty search path alone still finds first, have no say in what names mean.

create or replace function mentoring.caller() returns uuid
language sql stable
set search_path = ''
begin atomic
    -- What auth.uid() says. It is not called: a role of one's own may not be let into the schema `auth` on Supabase.
    select nullif(
        nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::pg_catalog.jsonb ->> 'sub', ''
    )::pg_catalog.uuid;
end;

create or replace function mentoring.today() returns date
language sql stable
set search_path = ''
begin atomic
    -- Not current_date: the Data API lets a caller choose the session's time zone (`Prefer: timezone=…`), and with it
    -- when an assignment begins and ends.
    select (pg_catalog.now() at time zone 'Europe/Oslo')::pg_catalog.date;
end;

create or replace function mentoring.visible_status(mentor_ids uuid[])
returns table (
    organisation_id uuid,
    mentor_id uuid,
    chapter_ids uuid[],
    state text,
    paused_until date,
    certification_expires_on date
)
language sql stable security definer
set search_path = ''
set jit = off -- plans allow for an administrator's rows, so each caller would wait 0.1 s for code to be compiled
begin atomic
    -- Lookups are made row by row where it says `offset 0`: what is read, and how long it takes, depends on what is
    -- seen, not on how much there is besides.
    with viewers as ( -- the caller, who is one person in each organisation
        select
            person.id,
            person.organisation_id,
            exists (
                select from mentoring.administrators as administrator where administrator.person_id = person.id
            ) as administers
        from mentoring.people as person
        where person.user_id = (select mentoring.caller())
    ),
    seen as ( -- each mentor once, within some chapters or, where there is null, within all of theirs
        select viewers.id as mentor_id, null::pg_catalog.uuid[] as within
        from viewers
        union all
        select mentor.person_id, null
        from viewers
        cross join lateral (
            select kept.person_id
            from mentoring.mentors as kept
            where viewers.administers and kept.organisation_id = viewers.organisation_id and kept.person_id <> viewers.id
            offset 0
        ) as mentor
        union all
        select assignment.mentor_id, pg_catalog.array_agg(distinct assignment.chapter_id)
        from viewers
        join mentoring.assignments as assignment on assignment.coordinator_id = viewers.id
        where not viewers.administers and assignment.mentor_id <> viewers.id
            and assignment.starts_on <= (select mentoring.today())
            and (assignment.ends_on is null or assignment.ends_on >= (select mentoring.today()))
        group by assignment.mentor_id
    )
    select
        mentor.organisation_id,
        mentor.contact_id,
        coalesce(
            seen.within,
            array(
                select membership.chapter_id
                from mentoring.mentor_chapters as membership
                where membership.mentor_id = seen.mentor_id
                order by membership.chapter_id
            )
        ),
        mentor.state,
        mentor.paused_until,
        mentor.certification_expires_on
    from seen
    cross join lateral (
        select kept.* from mentoring.mentors as kept where kept.person_id = seen.mentor_id offset 0
    ) as mentor
    where mentor_ids is null or mentor.contact_id = any (mentor_ids);
end;

create or replace function public.mentor_status(mentor_ids uuid[])
returns table (
    organisation_id uuid,
    mentor_id uuid,
    chapter_ids uuid[],
    state text,
    paused_until date,
    certification_expires_on date
)
language sql stable -- with the rights of its caller: what is defined with others' stays out of schemas that are exposed
set search_path = ''
begin atomic
    select visible.organisation_id, visible.mentor_id, visible.chapter_ids, visible.state, visible.paused_until,
        visible.certification_expires_on
    from mentoring.visible_status(mentor_ids) as visible;
end;

comment on function public.mentor_status(uuid[]) is
    'The status of those mentors that the caller may see, or of these among them. An id that is asked for in vain may
be that of nobody. chapter_ids are the chapters within which the caller sees the mentor.';

grant create on schema mentoring to mentoring_reader; -- as owners of functions need for a moment
alter function mentoring.caller() owner to mentoring_reader;
alter function mentoring.today() owner to mentoring_reader;
alter function mentoring.visible_status(uuid[]) owner to mentoring_reader;
revoke create on schema mentoring from mentoring_reader;

revoke all on all functions in schema mentoring from public, anon, authenticated, service_role;
revoke all on function public.mentor_status(uuid[]) from public, anon, authenticated, service_role;
grant execute on function mentoring.visible_status(uuid[]), public.mentor_status(uuid[]) to authenticated;
