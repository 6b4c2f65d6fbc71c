// A workload on the PostgreSQL JDBC driver. E2E_MODE: transaction, or session for what needs a
// server of one's own.

import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Client {
  interface Action {
    void run() throws Exception;
  }

  static void show(String label, Object... values) throws Exception {
    StringBuilder line = new StringBuilder(label);
    for (Object value : values) line.append(" | ").append(text(value));
    System.out.println(line);
  }

  static String text(Object value) throws Exception {
    if (value instanceof byte[] && ((byte[]) value).length > 64) return "bytes " + digest((byte[]) value);
    if (value instanceof byte[]) return Arrays.toString((byte[]) value);
    if (value instanceof java.sql.Array) return value.toString();
    String text = String.valueOf(value);
    return text.length() > 200 ? "text " + digest(text.getBytes(StandardCharsets.UTF_8)) : text;
  }

  static String digest(byte[] data) throws Exception {
    byte[] sum = MessageDigest.getInstance("MD5").digest(data);
    StringBuilder hex = new StringBuilder(data.length + " ");
    for (byte b : sum) hex.append(String.format("%02x", b));
    return hex.toString();
  }

  static Connection connect(String... extra) throws Exception {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("sslmode", System.getenv("PGSSLMODE"));
    properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    properties.setProperty("connectTimeout", "20");
    for (int i = 0; i < extra.length; i += 2) properties.setProperty(extra[i], extra[i + 1]);
    return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":"
        + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), properties);
  }

  static void exec(Connection conn, String sql) throws Exception {
    try (Statement statement = conn.createStatement()) {
      statement.execute(sql);
    }
  }

  static List<Object> column(Connection conn, String sql) throws Exception {
    List<Object> values = new ArrayList<>();
    try (Statement statement = conn.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      while (rows.next()) values.add(rows.getObject(1));
    }
    return values;
  }

  static void failing(String label, Action action) throws Exception {
    try {
      action.run();
      show(label, "no error");
    } catch (SQLException error) {
      show(label, error.getSQLState(), error.getMessage().split("\n")[0]);
    }
  }

  static void types(Connection conn) throws Exception {
    exec(conn, "create table kinds (id int primary key, t text, b bytea, n numeric, f float8, o bool,"
        + " ts timestamptz, ia int[], j jsonb, i8 int8)");
    String sql = "insert into kinds values (?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?)";
    try (PreparedStatement insert = conn.prepareStatement(sql)) {
      insert.setInt(1, 1);
      insert.setString(2, "žluť 'kůň' \\");
      insert.setBytes(3, new byte[] {0, 1, -1});
      insert.setBigDecimal(4, new java.math.BigDecimal("1.2500"));
      insert.setDouble(5, 1.5e300);
      insert.setBoolean(6, true);
      insert.setObject(7, java.time.OffsetDateTime.parse("2024-02-29T01:02:03Z"));
      insert.setArray(8, conn.createArrayOf("int4", new Integer[] {1, null, -3}));
      insert.setString(9, "{\"k\": [1, null]}");
      insert.setLong(10, 1L << 62);
      show("inserted", insert.executeUpdate());
      insert.setInt(1, 2);
      insert.setString(2, "x".repeat(1_200_000));
      insert.setBytes(3, new byte[3_000_000]);
      show("inserted", insert.executeUpdate());
    }
    // Past the driver's threshold of 5 it names the statement and asks for binary results.
    try (PreparedStatement select = conn.prepareStatement("select * from kinds where id = ?")) {
      for (int i = 0; i < 16; i++) {
        select.setInt(1, 1 + i % 2);
        try (ResultSet rows = select.executeQuery()) {
          rows.next();
          show("row", rows.getInt(1), rows.getString(2), rows.getBytes(3), rows.getBigDecimal(4), rows.getDouble(5),
              rows.getBoolean(6), rows.getObject(7, java.time.OffsetDateTime.class), rows.getArray(8),
              rows.getString(9), rows.getLong(10));
        }
      }
    }
  }

  static void transactions(Connection conn) throws Exception {
    exec(conn, "create table tx (id int primary key)");
    conn.setAutoCommit(false);
    exec(conn, "insert into tx values (1)");
    Savepoint savepoint = conn.setSavepoint();
    failing("savepoint", () -> exec(conn, "insert into tx values (1)"));
    failing("aborted", () -> exec(conn, "select 1"));
    conn.rollback(savepoint);
    exec(conn, "insert into tx values (2)");
    conn.commit();
    exec(conn, "insert into tx values (3)");
    conn.rollback();
    show("tx", column(conn, "select id from tx order by id"));
    conn.commit();
    conn.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
    show("isolation", column(conn, "show transaction_isolation"));
    conn.commit();
    conn.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    conn.commit();
    conn.setAutoCommit(true);
    for (String query : new String[] {"selec", "select 1/0", "select * from nowhere", "select 'a'::int"}) {
      failing("error", () -> exec(conn, query));
      show("after", column(conn, "select 42"));
    }
    try (Statement statement = conn.createStatement()) {
      statement.execute("do $$ begin raise notice 'hello'; end $$");
      SQLWarning warning = statement.getWarnings();
      show("warning", warning == null ? "none" : warning.getMessage());
      boolean more = statement.execute("select 1; update tx set id = id; select 2");
      while (more || statement.getUpdateCount() != -1) {
        show("multi", more, statement.getUpdateCount());
        more = statement.getMoreResults();
      }
    }
  }

  static void batches(Connection conn) throws Exception {
    try (PreparedStatement insert = conn.prepareStatement("insert into tx values (?)")) {
      for (int i = 0; i < 1000; i++) {
        insert.setInt(1, 1000 + i);
        insert.addBatch();
      }
      show("batch", Arrays.stream(insert.executeBatch()).sum());
      for (int i = 0; i < 10; i++) {
        insert.setInt(1, i == 6 ? 1 : 5000 + i);
        insert.addBatch();
      }
      try {
        insert.executeBatch();
      } catch (BatchUpdateException error) {
        show("batch error", error.getSQLState(), Arrays.toString(error.getUpdateCounts()));
      }
    }
    show("count", column(conn, "select count(*) from tx where id >= 1000"));
    String sql = "insert into tx values (?) returning id";
    try (PreparedStatement insert = conn.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
      insert.setInt(1, 9000);
      insert.execute();
      show("returning", insert.getResultSet() != null);
    }
  }

  static void copying(Connection conn) throws Exception {
    exec(conn, "create table bulk (id int, v text)");
    StringBuilder data = new StringBuilder();
    for (int i = 0; i < 20_000; i++) data.append(i).append("\tvalue ").append(i).append('\n');
    var copy = conn.unwrap(PGConnection.class).getCopyAPI();
    show("copied", copy.copyIn("copy bulk from stdin", new StringReader(data.toString())));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    show("out", copy.copyOut("copy (select * from bulk order by id) to stdout", out), out.toByteArray());
    failing("copy error", () -> copy.copyIn("copy bulk from stdin", new StringReader("x\ty\n")));
    show("after", column(conn, "select count(*) from bulk"));
    conn.setAutoCommit(false);
    try (Statement statement = conn.createStatement()) {
      statement.setFetchSize(100);  // a portal, fetched in pieces
      long sum = 0;
      try (ResultSet rows = statement.executeQuery("select id from bulk")) {
        while (rows.next()) sum += rows.getInt(1);
      }
      show("fetched", sum);
    }
    conn.commit();
    conn.setAutoCommit(true);
  }

  static void cancelling(Connection conn) throws Exception {
    try (Statement statement = conn.createStatement()) {
      Thread canceller = new Thread(() -> {
        try (Connection other = connect()) {
          String running = "select count(*) from pg_stat_activity where datname = current_database()"
              + " and state = 'active' and query = 'select pg_sleep(30)'";
          while (column(other, running).get(0).equals(0L)) Thread.sleep(20);
          statement.cancel();
        } catch (Exception error) {
          error.printStackTrace();
        }
      });
      canceller.start();
      failing("cancel", () -> statement.execute("select pg_sleep(30)"));
      canceller.join();
      statement.setQueryTimeout(1);
      failing("timeout", () -> statement.execute("select pg_sleep(30)"));
    }
    show("after", column(conn, "select 1"));
  }

  static void concurrent(Connection conn) throws Exception {
    exec(conn, "create table counter (id int primary key, n int)");
    exec(conn, "insert into counter select i, 0 from generate_series(0, 3) i");
    List<Thread> threads = new ArrayList<>();
    for (int n = 0; n < 16; n++) {
      int number = n;
      Thread thread = new Thread(() -> {
        try (Connection own = connect()) {
          own.setAutoCommit(false);
          try (PreparedStatement update = own.prepareStatement("update counter set n = n + 1 where id = ?")) {
            for (int i = 0; i < 25; i++) {
              update.setInt(1, (number + i) % 4);
              update.executeUpdate();
              own.commit();
            }
          }
        } catch (Exception error) {
          error.printStackTrace();
        }
      });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) thread.join();
    show("counter", column(conn, "select sum(n) from counter"));
  }

  static void sessionState(Connection conn) throws Exception {
    exec(conn, "set timezone = 'Asia/Tokyo'");
    exec(conn, "create temp table mine as select 1 as one");
    show("state", column(conn, "select * from mine"), column(conn, "show timezone"));
    exec(conn, "listen channel");
    try (Connection other = connect()) {
      for (int i = 0; i < 3; i++) exec(other, "select pg_notify('channel', 'payload " + i + "')");
    }
    int got = 0;
    while (got < 3) {
      PGNotification[] notes = conn.unwrap(PGConnection.class).getNotifications(10_000);
      if (notes == null || notes.length == 0) break;
      for (PGNotification note : notes) show("notification", note.getName(), note.getParameter());
      got += notes.length;
    }
  }

  public static void main(String[] args) throws Exception {
    try (Connection conn = connect()) {
      if (System.getenv("E2E_MODE").equals("session")) {
        sessionState(conn);
        return;
      }
      types(conn);
      transactions(conn);
      batches(conn);
      copying(conn);
      cancelling(conn);
      concurrent(conn);
    }
  }
}
