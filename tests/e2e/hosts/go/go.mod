module heimproxy/tests/e2e/hosts/go

go 1.19

require heimproxy/bindings/go v0.0.0

replace heimproxy/bindings/go => ../../../../bindings/go
