extension APIServer {
    /// The server with its own discovery, OpenAPI documents and table printer.
    package convenience init(configuration: APIServerConfiguration) {
        let address = "\(configuration.advertiseAddress):\(configuration.advertisePort)"
        self.init(
            configuration: configuration,
            documents: [
                DiscoveryHandler(
                    schema: configuration.schema, resources: configuration.resources, serverAddress: address),
                OpenAPIHandler(
                    schema: configuration.schema, resources: configuration.resources, version: configuration.version),
            ],
            tables: PrinterTables(now: configuration.clock))
    }
}
