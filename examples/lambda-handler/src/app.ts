// `unmoor/from-lambda` must be imported first: handlers may use AWS's environment while they load.
import { fromLambda } from 'unmoor/from-lambda'
import { bindings } from './bindings.ts'
import { handler } from './handler.ts'
import { nightly } from './nightly.ts'
import { thumbnails } from './thumbnails.ts'

/** Three functions of one service, as they ran on AWS: an HTTP API, a queue and a schedule. */
export default fromLambda(handler, {
  bindings,
  event: 'v2',
  queues: { thumbnails },
  crons: { nightly: { schedule: 'cron(0 3 * * ? *)', handler: nightly } },
  functionName: 'notes',
})
