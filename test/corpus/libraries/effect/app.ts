import {
  Cause,
  Context,
  Data,
  Effect,
  Either,
  Exit,
  Layer,
  Option,
  pipe,
  Schedule,
  Schema,
  Stream,
} from 'effect'
import { defineApp } from 'unmoor'

class NotFound extends Data.TaggedError('NotFound')<{ id: number }> {}

class Users extends Context.Tag('Users')<
  Users,
  { find(id: number): Effect.Effect<{ id: number; name: string }, NotFound> }
>() {}

const UsersLive = Layer.succeed(Users, {
  find: (id) => (id === 1 ? Effect.succeed({ id, name: 'Ädä' }) : Effect.fail(new NotFound({ id }))),
})

const Body = Schema.Struct({ name: Schema.NonEmptyString, age: Schema.NumberFromString })

const find = (id: number): Effect.Effect<Response, never, Users> =>
  Effect.gen(function* () {
    const users = yield* Users
    return Response.json(yield* users.find(id))
  }).pipe(
    Effect.catchTag('NotFound', (error) =>
      Effect.succeed(Response.json({ tag: error._tag, id: error.id, name: error.name }, { status: 404 })),
    ),
  )

async function retried(): Promise<Response> {
  let tries = 0
  const result = await Effect.runPromise(
    Effect.suspend(() => (++tries < 3 ? Effect.fail('not yet') : Effect.succeed('done'))).pipe(
      Effect.retry(Schedule.spaced('2 millis')),
    ),
  )
  return Response.json({ tries, result })
}

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/users':
        return Effect.runPromise(find(Number(searchParams.get('id'))).pipe(Effect.provide(UsersLive)))
      case '/schema': {
        const decoded = Schema.decodeUnknownEither(Body)(await request.json())
        return Either.isRight(decoded)
          ? Response.json(decoded.right)
          : new Response(decoded.left.message, { status: 400 })
      }
      case '/retry':
        return retried()
      case '/stream': {
        const chunks = await Effect.runPromise(
          Stream.range(1, 10).pipe(
            Stream.filter((n) => n % 2 === 0),
            Stream.grouped(2),
            Stream.runCollect,
          ),
        )
        return Response.json([...chunks].map((chunk) => [...chunk]))
      }
      case '/parallel': {
        const all = [30, 10, 20].map((ms) => Effect.sleep(`${ms} millis`).pipe(Effect.as(ms)))
        // One fiber alone ever ends, so that no timer races another.
        const first = await Effect.runPromise(
          Effect.raceAll([Effect.never, ...all.slice(1, 2), Effect.never]),
        )
        return Response.json({ first, all: await Effect.runPromise(Effect.all(all, { concurrency: 2 })) })
      }
      default: {
        const exit = await Effect.runPromiseExit(Effect.die(new RangeError('a defect')))
        const defect = Exit.isFailure(exit) ? Cause.dieOption(exit.cause) : Option.none()
        return Response.json(pipe(defect, Option.map(String), Option.getOrNull))
      }
    }
  },
})
