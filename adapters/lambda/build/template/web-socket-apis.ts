import { socketBindings } from '../function-settings.ts'
import type { BuildContext } from '../../../../core/adapter.ts'
import { invocationUri, type Invoked, type Part, ref } from './part.ts'

type Manifest = Pick<BuildContext['manifest'], 'bindings' | 'name'>

/** Returns the logical id of a sockets binding's WebSocket API in the template. */
export function socketApiId(binding: string): string {
  return `${binding[0]?.toUpperCase() ?? ''}${binding.slice(1)}SocketApi`
}

/**
 * Returns the URL to which clients of a sockets binding connect. The stage has the binding's name, by which
 * events of different bindings are told apart.
 */
export function socketApiUrl(binding: string): Part {
  return {
    'Fn::Sub': `wss://\${${socketApiId(binding)}}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/${binding}`,
  }
}

/** Returns the ARNs of API Gateway's `@connections` calls that the function makes: `POST` and `DELETE`. */
export function connectionsArns(binding: string): Part[] {
  return ['POST', 'DELETE'].map((method) => ({
    'Fn::Sub': `${EXECUTE_API}\${${socketApiId(binding)}}/${binding}/${method}/@connections/*`,
  }))
}

const EXECUTE_API = 'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:'

const ROUTES = { Connect: '$connect', Default: '$default', Disconnect: '$disconnect' } as const

/**
 * Returns a WebSocket API for each sockets binding, with its routes, its stage and the permission to invoke
 * the function. The resources are the same with and without SAM. `$default` receives every message, because
 * there is no other route that a message could select.
 */
export function socketApis(manifest: Manifest, invoked: Invoked): Part {
  return Object.assign(
    {},
    ...socketBindings(manifest).map((binding) => socketApi(binding, manifest.name, invoked)),
  ) as Part
}

function socketApi(binding: string, name: string, invoked: Invoked): Part {
  const id = socketApiId(binding)
  const api = ref(id)
  const routes = Object.entries(ROUTES).map(([suffix, RouteKey]): [string, Part] => [
    `${id}${suffix}`,
    {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: api,
        RouteKey,
        AuthorizationType: 'NONE',
        Target: { 'Fn::Sub': `integrations/\${${id}Integration}` },
      },
    },
  ])
  return {
    [id]: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: {
        Name: `${name}-${binding}`,
        ProtocolType: 'WEBSOCKET',
        RouteSelectionExpression: '$request.body.unmoor',
      },
    },
    [`${id}Integration`]: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: api,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: invocationUri(invoked),
      },
    },
    ...Object.fromEntries(routes),
    [`${id}Stage`]: {
      Type: 'AWS::ApiGatewayV2::Stage',
      DependsOn: routes.map(([route]) => route),
      Properties: { ApiId: api, StageName: binding, AutoDeploy: true },
    },
    [`${id}Permission`]: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: invoked.name,
        Principal: 'apigateway.amazonaws.com',
        SourceArn: { 'Fn::Sub': `${EXECUTE_API}\${${id}}/${binding}/*` },
      },
    },
  }
}
