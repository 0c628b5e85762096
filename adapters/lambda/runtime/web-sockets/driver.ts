import type { DriverContext } from '../../../../core/bindings/drivers.ts'
import type { ApiGatewayOptions } from '../../socket-options.ts'
import { Connections } from './connections.ts'
import { SocketStore } from './store.ts'

/**
 * Driver of sockets on API Gateway and DynamoDB. Only the transport uses it; an app's own code never calls
 * it.
 */
export class ApiGatewaySockets extends SocketStore {
  readonly connections: Connections

  constructor(options: ApiGatewayOptions, context: DriverContext) {
    super(options, context)
    const { table: _table, prefix: _prefix, endpoint: _dynamodb, ...shared } = options
    this.connections = new Connections(shared, context)
  }
}

/**
 * Type of the sockets driver's factory that a Lambda entry calls. The driver is no `SocketsDriver`, as no
 * process holds the sockets.
 */
export type ApiGatewayFactory = (options: ApiGatewayOptions, context: DriverContext) => ApiGatewaySockets
