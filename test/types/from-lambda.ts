/** Handlers with the types of aws-lambda fit as they are. */
import type {
  ALBHandler,
  APIGatewayProxyHandler,
  APIGatewayProxyHandlerV2,
  Context,
  ScheduledHandler,
  SQSHandler,
} from 'aws-lambda'
import { defineBindings, kv, queue, secret, type Kv } from 'unmoor'
import { fromLambda, type LambdaContext } from 'unmoor/from-lambda'

declare const rest: APIGatewayProxyHandler
declare const http: APIGatewayProxyHandlerV2
declare const alb: ALBHandler
declare const sqs: SQSHandler
declare const schedule: ScheduledHandler

const bindings = defineBindings({ links: kv(), jobs: queue<{ id: string }>(), token: secret() })

for (const handler of [rest, http, alb]) fromLambda(handler)
fromLambda(awslambda.streamifyResponse(async (_event, stream) => void stream.end()))
const app = fromLambda(http, {
  bindings,
  event: 'v2',
  queues: { jobs: sqs },
  crons: { nightly: { schedule: '0 3 * * *', handler: schedule } },
})
fromLambda(sqs, { bindings, event: 'none', queues: ['jobs'] })
void app.crons.nightly

// What a handler is given is AWS's context, and more.
declare const context: LambdaContext<typeof bindings>
const asAws: Omit<Context, 'done' | 'fail' | 'succeed'> = context
const links: Kv = context.unmoor.env.links
void [asAws, links]

// @ts-expect-error -- a binding that is no queue
fromLambda(sqs, { bindings, queues: ['links'] })
// @ts-expect-error -- no such form of events
fromLambda(http, { event: 'rest' })
// @ts-expect-error -- no such cron
void app.crons.weekly
