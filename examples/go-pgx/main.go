// pgx, unchanged, behind a proxy in its own process: it connects to a socket that only this user can
// enter, and gets pooling, routing and failover.
//
//	go-pgx heimproxy.toml DATABASE USER
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/jackc/pgx/v5"

	heimproxy "heimproxy/bindings/go"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: go-pgx CONFIG DATABASE USER")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func run(config, database, user string) error {
	ctx := context.Background()
	sidecar, err := heimproxy.Sidecar(config)
	if err != nil {
		return err
	}
	defer sidecar.Close()

	conn, err := pgx.Connect(ctx, sidecar.DSN(database, user))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var count int
	if err := conn.QueryRow(ctx, "select count(*) from pg_tables").Scan(&count); err != nil {
		return err
	}
	fmt.Println(count, "tables")

	explained, err := sidecar.Explain(ctx, heimproxy.Options{User: user, Database: database},
		"select count(*) from pg_tables")
	if err != nil {
		return err
	}
	fmt.Println("asked", explained["node"], "-", explained["reason"])

	pools, err := sidecar.Show("POOLS")
	if err != nil {
		return err
	}
	for _, pool := range pools {
		fmt.Println("pool of", pool["database"], "for", pool["user"])
	}
	return nil
}
