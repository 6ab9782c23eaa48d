-- A STAND-IN for what Supabase Auth puts into a project's database, which no package registry has: of `auth.users` the
-- key alone, of the functions the one that says who calls. Names, types and grants are Supabase's.

create schema auth;

create table auth.users (
    id uuid primary key,
    email text unique
);

create function auth.uid() returns uuid
language sql stable
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''), -- as PostgREST set it before its version 9
        nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')
    )::uuid
$$;

grant usage on schema auth to postgres, anon, authenticated, service_role;
grant all on auth.users to postgres;
