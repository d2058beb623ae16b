-- What a generator of types can get wrong, in one small library.
create type genre as enum ('novel', 'poem', 'it''s "odd"');
create type measure as (width numeric, unit text, marks int[]);
create domain isbn as text check (value ~ '^[0-9-]+$');

create table authors (
  id bigint generated always as identity primary key,
  name text not null,
  born date,
  "web-site" text default 'none',
  data jsonb not null default '{}',
  upper_name text generated always as (upper(name)) stored
);
create table books (
  id uuid primary key default gen_random_uuid(),
  author_id bigint references authors,
  second_author bigint references authors (id),
  title text not null,
  number isbn,
  kind genre,
  kinds genre[],
  size measure,
  cover bytea,
  pages int4range,
  tags text[] not null
);
create table book_details (book_id uuid primary key references books, note varchar(20), price numeric);
create table shelves (row_no int, column_no int, primary key (row_no, column_no));
create table places (
  id int primary key, row_no int, column_no int, book_id uuid references books,
  foreign key (row_no, column_no) references shelves
);
create table nothing ();
create table measured (at timestamptz not null, author authors, value float4) partition by range (at);
create table measured_2026 partition of measured for values from ('2026-01-01') to ('2027-01-01');

-- None of its columns is one that is never null: see automation/database_types/typescript.py.
create view book_titles as select author_id, upper(title) as title, kind from books;
create view titles_of_titles as select author_id as writer, title from book_titles;
create view counted as select author_id, count(*) as books from books group by author_id;
create materialized view shelved as select row_no, column_no, book_id from places;

create function add(a int, b int default 2) returns int language sql as 'select a + b';
create function shout(text) returns text language sql as 'select upper($1)';
create function hidden(int) returns int language sql as 'select $1';
create function books_of(author authors) returns setof books language sql stable
  as 'select * from books where author_id = author.id';
create function age(authors) returns int language sql stable as 'select 1';
create function one_book() returns setof books rows 1 language sql stable as 'select * from books';
create function best_book() returns books language sql stable as 'select * from books limit 1';
create function found(word text, out id uuid, out title text) returns setof record language sql stable
  as 'select id, title from books';
create function listed() returns table (title text, kind genre) language sql stable
  as 'select title, kind from books';
create function sizes() returns setof measure language sql as 'select size from books';
create function same(a int) returns int language sql as 'select 1';
create function same(a text) returns text language sql as 'select a';
create function either() returns int language sql as 'select 1';
create function either(text default '') returns text language sql as 'select $1';
create function nothing_done() returns void language sql as '';
create function many(variadic numbers int[]) returns json language sql as 'select ''1''::json';
create function on_change() returns trigger language plpgsql as 'begin return new; end';

create schema "second-hand";
create table "second-hand".offers (id int primary key, book_id uuid references books, kind genre);
