"""Writes whose text does not name all that they change: each would leave a stale read behind if a
statement's own tables were all that counted.

A case is (name, what makes its objects, the write, the read, what the read must show afterwards).
"""

CASES = [
    (
        "trigger",
        """create table t_src (v int); create table t_log (v int);
           create function t_copy() returns trigger language plpgsql as
             $$ begin insert into t_log values (new.v); return new; end $$;
           create trigger t after insert on t_src for each row execute function t_copy()""",
        "insert into t_src values (1)",
        "select count(*) from t_log",
        "1",
    ),
    (
        "foreign key, on delete cascade",
        """create table k_one (id int primary key); insert into k_one values (1);
           create table k_many (id int references k_one on delete cascade);
           insert into k_many values (1), (1)""",
        "delete from k_one",
        "select count(*) from k_many",
        "0",
    ),
    (
        "foreign key, on update set null",
        """create table n_one (id int primary key); insert into n_one values (1);
           create table n_many (id int references n_one on update set null);
           insert into n_many values (1)""",
        "update n_one set id = 2",
        "select count(id) from n_many",
        "0",
    ),
    (
        "two steps of cascade",
        """create table c_a (id int primary key); insert into c_a values (1);
           create table c_b (id int primary key references c_a on delete cascade);
           insert into c_b values (1);
           create table c_c (id int references c_b on delete cascade);
           insert into c_c values (1)""",
        "delete from c_a where id = 1",
        "select count(*) from c_c",
        "0",
    ),
    (
        "view, written",
        "create table w_base (v int); create view w_view as select v from w_base",
        "insert into w_view values (7)",
        "select sum(v) from w_base",
        "7",
    ),
    (
        "view, read",
        "create table r_base (v int); create view r_view as select v from r_base where v > 0",
        "insert into r_base values (8)",
        "select sum(v) from r_view",
        "8",
    ),
    (
        "materialized view",
        """create table m_base (v int);
           create materialized view m_view as select sum(v) as v from m_base;
           insert into m_base values (3)""",
        "refresh materialized view m_view",
        "select v from m_view",
        "3",
    ),
    (
        "partition, written by its parent",
        """create table p_all (v int) partition by range (v);
           create table p_low partition of p_all for values from (0) to (10);
           create table p_high partition of p_all for values from (10) to (20)""",
        "insert into p_all values (5)",
        "select count(*) from p_low",
        "1",
    ),
    (
        "partition, read by its parent",
        """create table q_all (v int) partition by range (v);
           create table q_low partition of q_all for values from (0) to (10)""",
        "insert into q_low values (5)",
        "select count(*) from q_all",
        "1",
    ),
    (
        "inheritance",
        "create table i_parent (v int); create table i_child () inherits (i_parent)",
        "insert into i_child values (5)",
        "select count(*) from i_parent",
        "1",
    ),
    (
        "function that writes",
        """create table f_t (v int);
           create function f_put(int) returns void language sql as
             $$ insert into f_t values ($1) $$""",
        "select f_put(4)",
        "select sum(v) from f_t",
        "4",
    ),
    (
        "rule",
        """create table u_one (v int); create table u_two (v int);
           create rule u as on insert to u_one do also insert into u_two values (new.v)""",
        "insert into u_one values (6)",
        "select sum(v) from u_two",
        "6",
    ),
    (
        "truncate",
        "create table x_t (v int); insert into x_t values (1), (2)",
        "truncate x_t",
        "select count(*) from x_t",
        "0",
    ),
    (
        "truncate cascade",
        """create table y_one (id int primary key);
           create table y_many (id int references y_one);
           insert into y_one values (1); insert into y_many values (1)""",
        "truncate y_one cascade",
        "select count(*) from y_many",
        "0",
    ),
    (
        "DO block",
        "create table d_t (v int)",
        "do $$ begin execute 'insert into d_t values (' || 1 + 1 || ')'; end $$",
        "select sum(v) from d_t",
        "2",
    ),
    (
        "procedure that commits inside",
        """create table l_t (v int);
           create procedure l_put() language plpgsql as
             $$ begin insert into l_t values (1); commit; insert into l_t values (2); end $$""",
        "call l_put()",
        "select sum(v) from l_t",
        "3",
    ),
    (
        "data-modifying WITH",
        "create table a_t (v int)",
        "with put as (insert into a_t values (9) returning v) select v from put",
        "select sum(v) from a_t",
        "9",
    ),
    (
        "CREATE TABLE AS",
        "create table b_t (v int); insert into b_t values (1)",
        "create table b_copy as select v from b_t",
        "select count(*) from b_copy",
        "1",
    ),
    (
        "ALTER TABLE ... DROP COLUMN",
        "create table e_t (v int, w int default 5); insert into e_t values (1)",
        "alter table e_t drop column w",
        "select count(*) from information_schema.columns where table_name = 'e_t'",
        "1",
    ),
    (
        "CREATE OR REPLACE VIEW",
        """create table g_t (v int); insert into g_t values (1);
           create view g_v as select v from g_t""",
        "create or replace view g_v as select v + 10 as v from g_t",
        "select v from g_v",
        "11",
    ),
    (
        "PREPARE and EXECUTE",
        "create table h_t (v int)",
        "prepare h as insert into h_t values (1); execute h; deallocate h",
        "select count(*) from h_t",
        "1",
    ),
    (
        "a block, all in one message",
        "create table j_t (v int)",
        "begin; insert into j_t values (1); savepoint s; insert into j_t values (2);"
        " rollback to s; commit",
        "select sum(v) from j_t",
        "1",
    ),
]
