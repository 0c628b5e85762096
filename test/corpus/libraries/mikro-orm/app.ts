import { MikroORM, UniqueConstraintViolationException } from '@mikro-orm/postgresql'
import { defineApp, defineBindings, variable } from 'unmoor'
// Workers refuse code that is made at run time, so MikroORM has it compiled before: `mikro-orm compile`.
import compiledFunctions from '../../.unmoor/mikro-orm/compiled-functions.js'
import { Photo, User } from './entities.ts'
import config from './mikro-orm.config.ts'

const bindings = defineBindings({ DATABASE_URL: variable() })

async function answer(request: Request, orm: MikroORM): Promise<Response> {
  const em = orm.em.fork()
  switch (new URL(request.url).pathname) {
    case '/schema':
      await em.execute(
        'CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE, settings jsonb)',
      )
      await em.execute(
        'CREATE TABLE photo (id serial PRIMARY KEY, url text NOT NULL, user_id int NOT NULL REFERENCES users (id))',
      )
      return new Response(null, { status: 204 })
    case '/save':
      try {
        const { name, urls } = (await request.json()) as { name: string; urls: string[] }
        const user = em.create(User, { name, settings: { theme: 'dark' } })
        for (const url of urls) em.create(Photo, { url, user })
        await em.flush()
        return Response.json({ id: user.id, photos: user.photos.length })
      } catch (error) {
        if (!(error instanceof UniqueConstraintViolationException)) throw error
        return Response.json({ name: error.name, of: error.constructor.name }, { status: 409 })
      }
    case '/find':
      return Response.json(
        await em.find(
          User,
          { photos: { url: { $like: '%.png' } } },
          { populate: ['photos'], orderBy: { id: 'asc' } },
        ),
      )
    case '/query':
      return Response.json(
        await em.createQueryBuilder(Photo, 'p').select(['p.url']).orderBy({ url: 'desc' }).execute(),
      )
    case '/update': {
      const user = await em.findOneOrFail(User, { name: 'Ada' })
      user.settings = { theme: 'light' }
      await em.flush()
      return Response.json(await em.fork().findOne(User, { name: 'Ada' }))
    }
    default:
      await em
        .transactional(async (inner) => {
          await inner.nativeDelete(Photo, { url: '1.png' })
          throw new Error('rolled back')
        })
        .catch(() => undefined)
      return Response.json(await em.count(Photo))
  }
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const orm = new MikroORM({ ...config, compiledFunctions, clientUrl: env.DATABASE_URL })
    try {
      return await answer(request, orm)
    } finally {
      await orm.close()
    }
  },
})
