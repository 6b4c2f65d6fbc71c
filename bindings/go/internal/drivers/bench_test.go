package drivers

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What SELECT 1 costs by pgx itself: to the server, through pgbouncer if HEIM_TEST_PGBOUNCER has its
// port, and through a sidecar. The module's own benchmark is beside it.
func BenchmarkPgx(b *testing.B) {
	tcp := func(port string) string {
		return "host=127.0.0.1 user=postgres dbname=postgres sslmode=disable port=" + port
	}
	ways := map[string]string{
		"direct":  tcp(os.Getenv("HEIM_TEST_PORT")),
		"sidecar": sidecar(b).DSN("postgres", "postgres"),
	}
	if port := os.Getenv("HEIM_TEST_PGBOUNCER"); port != "" {
		// It knows no statements that were prepared elsewhere.
		ways["pgbouncer"] = tcp(port) + " default_query_exec_mode=exec"
		ways["direct-exec"] = ways["direct"] + " default_query_exec_mode=exec"
	}
	for name, dsn := range ways {
		for _, goroutines := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s-%d", name, goroutines), func(b *testing.B) {
				benchmark(b, dsn, goroutines)
			})
		}
	}
}

func benchmark(b *testing.B, dsn string, goroutines int) {
	conns := make([]*pgx.Conn, goroutines)
	for i := range conns {
		conn, err := pgx.Connect(ctx, dsn)
		must(b, err)
		defer conn.Close(ctx)
		conns[i] = conn
	}
	var all sync.WaitGroup
	b.ResetTimer()
	for _, conn := range conns {
		all.Add(1)
		go func(conn *pgx.Conn) {
			defer all.Done()
			for i := 0; i < b.N/goroutines; i++ {
				var n int
				if err := conn.QueryRow(ctx, "select 1").Scan(&n); err != nil {
					b.Error(err)
					return
				}
			}
		}(conn)
	}
	all.Wait()
}
