import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ S3_ENDPOINT: variable(), AWS_PREFIX: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { s3: S3Client; Bucket: string } }>()

app.use(async (c, next) => {
  c.set(
    's3',
    new S3Client({
      region: 'us-east-1',
      endpoint: c.env.S3_ENDPOINT,
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    }),
  )
  // A bucket's name has at most 63 characters.
  c.set('Bucket', `${c.env.AWS_PREFIX}-b`.slice(-60).replace(/^-+/, ''))
  await next()
})
app.post('/bucket', async (c) => {
  await c.get('s3').send(new CreateBucketCommand({ Bucket: c.get('Bucket') }))
  return c.body(null, 204)
})
app.put('/files/:key', async (c) => {
  const { $metadata } = await c.get('s3').send(
    new PutObjectCommand({
      Bucket: c.get('Bucket'),
      Key: c.req.param('key'),
      Body: new Uint8Array(await c.req.arrayBuffer()),
      ContentType: c.req.header('content-type'),
      Metadata: { owner: 'ada' },
    }),
  )
  return c.json($metadata.httpStatusCode)
})
app.get('/files/:key', async (c) => {
  try {
    const { Body, ContentType, Metadata } = await c
      .get('s3')
      .send(new GetObjectCommand({ Bucket: c.get('Bucket'), Key: c.req.param('key') }))
    return c.json({ text: await Body?.transformToString(), ContentType, Metadata })
  } catch (error) {
    if (!(error instanceof NoSuchKey)) throw error
    return c.json(
      { name: error.name, of: error.constructor.name, status: error.$metadata.httpStatusCode },
      404,
    )
  }
})
app.get('/streams/:key', async (c) => {
  const { Body } = await c
    .get('s3')
    .send(new GetObjectCommand({ Bucket: c.get('Bucket'), Key: c.req.param('key') }))
  return new Response(Body?.transformToWebStream() as BodyInit)
})
app.get('/files', async (c) => {
  const { Contents, KeyCount } = await c.get('s3').send(new ListObjectsV2Command({ Bucket: c.get('Bucket') }))
  return c.json({ keys: Contents?.map(({ Key, Size }) => ({ Key, Size })) ?? [], KeyCount })
})
app.delete('/files/:key', async (c) => {
  const of = { Bucket: c.get('Bucket'), Key: c.req.param('key') }
  await c.get('s3').send(new DeleteObjectCommand(of))
  const head = await c
    .get('s3')
    .send(new HeadObjectCommand(of))
    .catch((error: Error) => error.name)
  return c.json(head)
})

export default defineApp({ bindings, fetch: app.fetch })
