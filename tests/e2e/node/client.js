// A workload on node-postgres. E2E_MODE: transaction, or session for what needs a server of
// one's own.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');

const options = () => ({
  ssl: process.env.PGSSLMODE === 'disable' ? false
    : { ca: fs.readFileSync(process.env.PGSSLROOTCERT), servername: 'localhost' },
  connectionTimeoutMillis: 20000,
});

function show(label, ...values) {
  console.log([label, ...values.map(text)].join(' | '));
}
function text(value) {
  if (Buffer.isBuffer(value)) return `bytes ${value.length} ${digest(value)}`;
  if (typeof value === 'string' && value.length > 200) return `text ${value.length} ${digest(value)}`;
  return JSON.stringify(value);
}
function digest(data) {
  return crypto.createHash('md5').update(data).digest('hex');
}
async function connect() {
  const client = new Client(options());
  await client.connect();
  return client;
}
async function failing(label, promise) {
  try {
    await promise;
    show(label, 'no error');
  } catch (error) {
    show(label, error.code, error.severity, error.message, error.detail, error.constraint);
  }
}

async function types(client) {
  await client.query('create table kinds (id int primary key, t text, b bytea, n numeric, f float8, o bool,' +
    ' ts timestamptz, ia int[], ta text[], j jsonb, i8 int8)');
  const insert = 'insert into kinds values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)';
  await client.query(insert, [1, "žluť 'kůň' \\", Buffer.from([0, 1, 255]), '1.2500', 1.5, true,
    new Date(Date.UTC(2024, 1, 29)), [1, null, -3], ['a,b', 'q"', null], { k: [1, { x: null }] }, '4611686018427387904']);
  await client.query(insert, [2, 'x'.repeat(1200000), Buffer.alloc(3000000, 7), ...Array(8).fill(null)]);
  for (const id of [1, 2]) {
    const { rows, fields } = await client.query('select * from kinds where id = $1', [id]);
    show('row', ...Object.values(rows[0]), fields.map((f) => [f.name, f.dataTypeID]));
  }
  const many = await client.query('select 1 as a; select 2 as b; select generate_series(1, 3) as c');
  show('multi', many.map((r) => r.rows));
  show('array mode', (await client.query({ text: 'select 1, 2, $1::int', values: [3], rowMode: 'array' })).rows);
}

async function prepared(client) {
  const named = (v) => ({ name: 'by id', text: 'select t, $2::int + id as sum from kinds where id = $1', values: [1, v] });
  const other = await connect();
  for (let i = 0; i < 8; i++) {
    show('named', (await client.query(named(i))).rows);
    show('same name, other client', (await other.query(named(i * 10))).rows);
  }
  await other.query({ name: 'different', text: 'select $1::text', values: ['x'] });
  const all = await Promise.all(Array.from({ length: 30 }, (_, i) => client.query(named(i))));
  show('queued', all.map((r) => r.rows[0].sum));
  await other.end();
}

async function transactions(client) {
  await client.query('create table tx (id int primary key)');
  await client.query('begin');
  await client.query('insert into tx values ($1)', [1]);
  await client.query('savepoint s');
  await failing('savepoint', client.query('insert into tx values ($1)', [1]));
  await failing('aborted', client.query('select 1'));
  await client.query('rollback to savepoint s');
  await client.query('insert into tx values ($1)', [2]);
  await client.query('commit');
  await client.query('begin; insert into tx values (3)');
  await client.query('rollback');
  show('tx', (await client.query('select array_agg(id order by id) from tx')).rows);
  for (const query of ['selec', 'select 1/0', 'select * from nowhere', "select 'a'::int"]) {
    await failing('error', client.query(query));
    await failing('error, extended', client.query(query, []));
    show('after', (await client.query('select $1::int as v', [42])).rows);
  }
  await failing('multi', client.query('insert into tx values (50); select 1/0; insert into tx values (51)'));
  show('implicit transaction', (await client.query('select count(*) from tx where id >= 50')).rows);
  const notices = [];
  client.on('notice', (n) => notices.push([n.severity, n.message]));
  await client.query("do $$ begin raise notice 'hello'; end $$");
  show('notices', notices);
}

async function copy(client) {
  await client.query('create table bulk (id int, v text)');
  const lines = Array.from({ length: 20000 }, (_, i) => `${i}\tvalue ${i}\n`);
  const sink = client.query(copyFrom('copy bulk from stdin'));
  await pipeline(Readable.from(lines), sink);
  show('copied', sink.rowCount);
  const chunks = [];
  for await (const chunk of client.query(copyTo('copy (select * from bulk order by id) to stdout'))) chunks.push(chunk);
  show('out', Buffer.concat(chunks));
  await failing('copy error', pipeline(Readable.from(['x\ty\n']), client.query(copyFrom('copy bulk from stdin'))));
  show('after', (await client.query('select count(*) from bulk')).rows);
}

async function cursors(client) {
  await client.query('begin');
  const cursor = client.query(new Cursor('select id from bulk order by id limit $1', [250]));
  let rows;
  const counts = [];
  while ((rows = await cursor.read(100)).length) counts.push(rows.length);
  await cursor.close();
  show('portal', counts);
  await client.query('declare c cursor for select id from bulk order by id');
  show('declared', (await client.query('fetch 3 from c')).rows, (await client.query('fetch 2 from c')).rows);
  await client.query('commit');
}

async function cancel(client) {
  const other = await connect();
  await client.query('begin');
  const { rows } = await client.query('select pg_backend_pid() as pid');
  const sleeping = failing('cancelled', client.query('select pg_sleep(30)'));
  const running = "select count(*)::int as n from pg_stat_activity where datname = current_database()" +
    " and state = 'active' and query = 'select pg_sleep(30)'";
  while ((await other.query(running)).rows[0].n === 0) await new Promise((again) => setTimeout(again, 20));
  await other.query('select pg_cancel_backend($1)', [rows[0].pid]);
  await sleeping;
  await client.query('rollback');
  await other.end();
  await client.query('begin');
  await client.query("set local statement_timeout = '100ms'");
  await failing('timeout', client.query('select pg_sleep(30)'));
  await client.query('rollback');
}

async function concurrent(client) {
  await client.query('create table counter (id int primary key, n int)');
  await client.query('insert into counter select i, 0 from generate_series(0, 3) i');
  const pool = new Pool({ ...options(), max: 16 });
  const work = async (number) => {
    const own = await pool.connect();
    for (let i = 0; i < 25; i++) {
      await own.query('begin');
      await own.query({ name: 'add', text: 'update counter set n = n + 1 where id = $1', values: [(number + i) % 4] });
      await own.query('commit');
    }
    own.release();
  };
  await Promise.all(Array.from({ length: 16 }, (_, n) => work(n)));
  await pool.end();
  show('counter', (await client.query('select sum(n) from counter')).rows);
}

async function sessionState(client) {
  await client.query("set timezone = 'Asia/Tokyo'");
  await client.query('create temp table mine as select 1 as one');
  show('temp', (await client.query('select * from mine')).rows, (await client.query('show timezone')).rows);
  const got = [];
  const all = new Promise((resolve) => client.on('notification', (n) => {
    got.push([n.channel, n.payload]);
    if (got.length === 3) resolve();
  }));
  await client.query('listen channel');
  const other = await connect();
  for (let i = 0; i < 3; i++) await other.query("select pg_notify('channel', $1)", [`payload ${i}`]);
  await all;
  await other.end();
  show('notifications', got);
}

async function main() {
  const client = await connect();
  if (process.env.E2E_MODE === 'session') {
    await sessionState(client);
  } else {
    for (const part of [types, prepared, transactions, copy, cursors, cancel, concurrent]) {
      show(`--- ${part.name}`);
      await part(client);
    }
  }
  await client.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
