package heimproxy_test

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// Each value is cast where it stands, and comes back as Next gives it.
func TestValuesThereAndBack(t *testing.T) {
	db := open(t)
	moment := time.Date(2026, 2, 28, 13, 14, 15, 123456000, time.UTC)
	india := time.FixedZone("", 19800)
	for _, c := range []struct {
		cast           string
		sent, returned any
	}{
		{"int2", 7, int64(7)}, {"int4", int32(-5), int64(-5)}, {"int8", int64(math.MinInt64), int64(math.MinInt64)},
		{"oid", uint32(4e9), int64(4e9)}, {"numeric", uint64(math.MaxUint64), "18446744073709551615"},
		{"numeric", "1.50", "1.50"}, {"float8", 0.1, 0.1}, {"float4", float32(2.5), 2.5},
		{"float8", math.Inf(-1), math.Inf(-1)}, {"float8", math.MaxFloat64, math.MaxFloat64},
		{"bool", true, true}, {"bool", false, false}, {"text", "it's \\ \"q\" $1 字", "it's \\ \"q\" $1 字"},
		{"text", "", ""}, {"varchar(3)", "abcdef", "abc"}, {"timestamptz", moment, moment},
		{"timestamptz", moment.In(india), moment}, {"timestamp", moment, moment},
		{"date", moment, time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)},
		{"time", "01:02:03", "01:02:03"}, {"interval", "1 day 02:00:00", "1 day 02:00:00"},
		{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"timestamptz", "infinity", "infinity"}, {"date", "0044-03-15 BC", "0044-03-15 BC"},
		{"int4[]", []int{1, 2}, "{1,2}"}, {"int4[]", []*int{nil}, "{NULL}"}, {"int4[]", []int(nil), nil},
		{"int4[]", [][]int{{1}, {2}}, "{{1},{2}}"}, {"bool[]", []bool{true, false}, "{t,f}"},
		{"text[]", []string{`a "b" \ {,}`, "NULL", ""}, `{"a \"b\" \\ {,}","NULL",""}`},
		{"bytea[]", [][]byte{{0, 255}, nil}, `{"\\x00ff",NULL}`},
		{"timestamptz[]", []time.Time{moment}, `{"2026-02-28 13:14:15.123456+00"}`},
		{"text[]", []any{1, "x", nil, sql.NullString{}}, `{1,x,NULL,NULL}`},
		{"text", (*string)(nil), nil}, {"text", nil, nil}, {"timestamptz", (*time.Time)(nil), nil},
	} {
		t.Run(fmt.Sprintf("%s %v", c.cast, c.sent), func(t *testing.T) {
			query := "select $1::" + c.cast
			got := one[any](t, db, query, c.sent)
			if moment, ok := got.(time.Time); ok {
				same(t, moment.Equal(c.returned.(time.Time)), true)
				return
			}
			same(t, got, c.returned)
			stmt, err := db.Prepare(query)
			must(t, err)
			defer stmt.Close()
			must(t, stmt.QueryRow(c.sent).Scan(&got))
			same(t, got, c.returned)
		})
	}
	same(t, math.IsNaN(one[float64](t, db, "select $1::float8", math.NaN())), true)
}

func TestBytes(t *testing.T) {
	db := open(t)
	sent := []byte{0, 1, '\\', '\'', 0xff, 'x'}
	for _, output := range []string{"hex", "escape"} {
		conn := grab(t, db)
		exec(t, conn, "set bytea_output = "+output)
		got := one[[]byte](t, conn, "select $1::bytea", sent)
		same(t, bytes.Equal(got, sent), true)
		same(t, len(one[[]byte](t, conn, "select $1::bytea", []byte{})), 0)
		same(t, one[any](t, conn, "select $1::bytea", []byte(nil)), nil)
	}
	// To what is no bytea they are the text that they hold.
	same(t, one[string](t, db, "select $1::jsonb ->> 'a'", []byte(`{"a": "b"}`)), "b")
	same(t, one[int](t, db, "select $1::int", []byte("1234")), 1234)
	same(t, one[string](t, db, "select $1::text", []byte("words")), "words")
	same(t, one[int](t, db, "select $1::int + length($2::bytea)", 1, []byte{0, 0}), 3)
	large := bytes.Repeat([]byte{0, 1, 2, 3}, 5<<20)
	same(t, bytes.Equal(one[[]byte](t, db, "select $1::bytea", large), large), true)
}

func TestJSON(t *testing.T) {
	db := open(t)
	got := one[json.RawMessage](t, db, "select $1::jsonb", json.RawMessage(`{"a":[1]}`))
	same(t, string(got), `{"a": [1]}`)
	same(t, one[any](t, db, "select $1::json", json.RawMessage(nil)), nil)
}

// Beyond what the text format says of itself.
func TestTimeZones(t *testing.T) {
	conn := grab(t, open(t))
	exec(t, conn, "set timezone = 'Asia/Kolkata'")
	got := one[time.Time](t, conn, "select '2026-01-01 00:00:00+00'::timestamptz")
	same(t, got.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), true)
	_, offset := got.Zone()
	same(t, offset, 19800)
	exec(t, conn, "set timezone = 'Europe/Amsterdam'") // +00:19:32 until 1937
	got = one[time.Time](t, conn, "select '1900-01-01 00:00:00+00'::timestamptz")
	same(t, got.Equal(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)), true)
	year := one[int](t, conn, "select extract(year from $1::timestamptz)::int",
		time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC))
	same(t, year, -44)
	// Another style is a text, which no time.Time takes.
	exec(t, conn, "set datestyle = 'SQL, DMY'")
	same(t, one[any](t, conn, "select '2026-02-01'::date").(string), "01/02/2026")
	var moment time.Time
	if err := conn.QueryRowContext(ctx, "select '2026-02-01'::date").Scan(&moment); err == nil {
		t.Fatal("a text became a time")
	}
}

func TestNulls(t *testing.T) {
	db := open(t)
	var i sql.NullInt64
	var f sql.NullFloat64
	var b sql.NullBool
	var s sql.NullString
	var at sql.NullTime
	query := "select $1::int, $2::float8, $3::bool, $4::text, $5::timestamptz"
	must(t, db.QueryRow(query, i, f, b, s, at).Scan(&i, &f, &b, &s, &at))
	same(t, i.Valid || f.Valid || b.Valid || s.Valid || at.Valid, false)
	now := time.Now().Round(time.Microsecond)
	must(t, db.QueryRow(query, 1, 2.5, true, "x", now).Scan(&i, &f, &b, &s, &at))
	same(t, fmt.Sprint(i, f, b, s), "{1 true} {2.5 true} {true true} {x true}")
	same(t, at.Time.Equal(now), true)
	var n int
	if err := db.QueryRow("select null::int").Scan(&n); err == nil {
		t.Fatal("NULL became an int")
	}
	var p *int
	must(t, db.QueryRow("select null::int").Scan(&p))
	same(t, p == nil, true)
	must(t, db.QueryRow("select 5").Scan(&p))
	same(t, *p, 5)
}

// A list of words, stored as one text.
type words []string

func (w words) Value() (driver.Value, error) { return strings.Join(w, " "), nil }

func (w *words) Scan(from any) error {
	*w = strings.Fields(from.(string))
	return nil
}

type color string

func TestValuerAndScanner(t *testing.T) {
	db := open(t)
	var got words
	must(t, db.QueryRow("select $1::text || ' three'", words{"one", "two"}).Scan(&got))
	same(t, fmt.Sprint(got), "[one two three]")
	same(t, one[color](t, db, "select $1::text", color("red")), "red")
	var kept sql.RawBytes
	rows, err := db.Query("select 'raw'")
	must(t, err)
	defer rows.Close()
	same(t, rows.Next(), true)
	must(t, rows.Scan(&kept))
	same(t, string(kept), "raw")
}

func TestValuesThatAreNone(t *testing.T) {
	db := open(t)
	for _, value := range []any{struct{}{}, make(chan int), map[string]int{}, sql.Out{}, []chan int{nil}, []any{struct{}{}}} {
		if _, err := db.Exec("select $1::text", value); err == nil {
			t.Fatalf("%T was taken", value)
		}
	}
	if _, err := db.Exec("select $1::text", "zero \x00 byte"); err == nil {
		t.Fatal("a text with a zero byte was taken")
	}
	if _, err := db.Exec("select '\x00'"); err == nil {
		t.Fatal("a statement with a zero byte was taken")
	}
	for _, args := range [][]any{{}, {1}, {1, 2, 3}} {
		if _, err := db.Exec("select $1::int + $2::int", args...); err == nil {
			t.Fatalf("%d values for two parameters were taken", len(args))
		}
	}
	same(t, one[int](t, db, "select 1"), 1)
}
