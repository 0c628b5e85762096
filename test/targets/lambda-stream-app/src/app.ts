import { fromLambda } from 'unmoor/from-lambda'
import { handler } from './handler.ts'

export default fromLambda(handler)
