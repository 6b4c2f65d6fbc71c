module heimproxy/bindings/go

go 1.19
