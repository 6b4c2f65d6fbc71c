package heimproxy_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
)

// What SELECT 1 costs through database/sql, by 1 and by 16 goroutines; internal/drivers has the same
// for pgx.
func BenchmarkSelect(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		b.Run(fmt.Sprintf("background-%d", goroutines), func(b *testing.B) {
			benchmark(b, ctx, goroutines)
		})
		b.Run(fmt.Sprintf("cancelable-%d", goroutines), func(b *testing.B) {
			cancelable, cancel := context.WithCancel(ctx)
			defer cancel()
			benchmark(b, cancelable, goroutines)
		})
	}
}

// Each goroutine has a connection of its own, as a server's requests have.
func benchmark(b *testing.B, ctx context.Context, goroutines int) {
	db := open(b)
	db.SetMaxIdleConns(goroutines)
	var all sync.WaitGroup
	conns := make([]*sql.Conn, goroutines)
	for i := range conns {
		conns[i] = grab(b, db)
		one[int](b, conns[i], "select 1")
	}
	b.ResetTimer()
	for _, conn := range conns {
		all.Add(1)
		go func(conn *sql.Conn) {
			defer all.Done()
			for i := 0; i < b.N/goroutines; i++ {
				var n int
				if err := conn.QueryRowContext(ctx, "select 1").Scan(&n); err != nil {
					b.Error(err)
					return
				}
			}
		}(conn)
	}
	all.Wait()
}
