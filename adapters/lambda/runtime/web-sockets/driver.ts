import type { DriverContext } from '../../../../core/bindings/drivers.ts'
import { Connections } from './connections.ts'
import { SocketStore, type StoreOptions } from './store.ts'

/** What an app's own code never calls: the transport reaches API Gateway and DynamoDB by it. */
export class ApiGatewaySockets extends SocketStore {
  readonly connections: Connections

  constructor(options: StoreOptions, context: DriverContext) {
    super(options, context)
    const { table: _table, prefix: _prefix, endpoint: _dynamodb, ...shared } = options
    this.connections = new Connections(shared, context)
  }
}

/** How an entry makes the driver. It is no `SocketsDriver`, as no process holds the sockets. */
export type ApiGatewayFactory = (options: StoreOptions, context: DriverContext) => ApiGatewaySockets
