import { ConditionalCheckFailedException, CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ DYNAMODB_ENDPOINT: variable(), AWS_PREFIX: variable() })
const app = new Hono<{
  Bindings: Env<typeof bindings>
  Variables: { db: DynamoDBDocumentClient; TableName: string }
}>()

app.use(async (c, next) => {
  const client = new DynamoDBClient({
    region: 'us-east-1',
    endpoint: c.env.DYNAMODB_ENDPOINT,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  c.set('db', DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }))
  c.set('TableName', `${c.env.AWS_PREFIX}-items`)
  await next()
})
app.post('/table', async (c) => {
  await c.get('db').send(
    new CreateTableCommand({
      TableName: c.get('TableName'),
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  )
  return c.body(null, 204)
})
app.post('/items', async (c) => {
  try {
    const Item = { ...(await c.req.json<object>()), bytes: new Uint8Array([1, 2]), set: new Set(['a', 'ä']) }
    await c.get('db').send(
      new PutCommand({
        TableName: c.get('TableName'),
        Item,
        ConditionExpression: 'attribute_not_exists(pk)',
      }),
    )
    return c.body(null, 201)
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error
    return c.json({ name: error.name, of: error.constructor.name }, 409)
  }
})
app.get('/items/:pk/:sk', async (c) => {
  const Key = { pk: c.req.param('pk'), sk: Number(c.req.param('sk')) }
  const { Item } = await c.get('db').send(new GetCommand({ TableName: c.get('TableName'), Key }))
  if (Item === undefined) return c.notFound()
  return c.json({
    ...Item,
    bytes: [...(Item['bytes'] as Uint8Array)],
    set: [...(Item['set'] as Set<string>)].sort(),
  })
})
app.post('/batch', async (c) => {
  const items = Array.from({ length: 5 }, (_, sk) => ({
    PutRequest: { Item: { pk: 'batch', sk, square: sk * sk } },
  }))
  const { UnprocessedItems } = await c
    .get('db')
    .send(new BatchWriteCommand({ RequestItems: { [c.get('TableName')]: items } }))
  return c.json(UnprocessedItems ?? {})
})
app.get('/query', async (c) => {
  const { Items, Count } = await c.get('db').send(
    new QueryCommand({
      TableName: c.get('TableName'),
      KeyConditionExpression: 'pk = :pk AND sk > :sk',
      ExpressionAttributeValues: { ':pk': 'batch', ':sk': 1 },
      ScanIndexForward: false,
    }),
  )
  return c.json({ Items, Count })
})
app.patch('/items/:pk/:sk', async (c) => {
  const { Attributes } = await c.get('db').send(
    new UpdateCommand({
      TableName: c.get('TableName'),
      Key: { pk: c.req.param('pk'), sk: Number(c.req.param('sk')) },
      UpdateExpression: 'SET square = square + :one',
      ExpressionAttributeValues: { ':one': 1 },
      ReturnValues: 'ALL_NEW',
    }),
  )
  return c.json(Attributes)
})

export default defineApp({ bindings, fetch: app.fetch })
