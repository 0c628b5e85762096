import { DataSource, EntitySchema, QueryFailedError } from 'typeorm'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })

interface User {
  id: number
  name: string
  photos: Photo[]
}
interface Photo {
  id: number
  url: string
  user: User
}

const UserEntity = new EntitySchema<User>({
  name: 'User',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String, unique: true } },
  relations: { photos: { type: 'one-to-many', target: 'Photo', inverseSide: 'user', cascade: true } },
})
const PhotoEntity = new EntitySchema<Photo>({
  name: 'Photo',
  columns: { id: { type: Number, primary: true, generated: true }, url: { type: String } },
  relations: { user: { type: 'many-to-one', target: 'User', inverseSide: 'photos' } },
})

async function answer(request: Request, source: DataSource): Promise<Response> {
  const users = source.getRepository(UserEntity)
  switch (new URL(request.url).pathname) {
    case '/schema':
      await source.synchronize()
      return new Response(null, { status: 204 })
    case '/save':
      try {
        const { name, urls } = (await request.json()) as { name: string; urls: string[] }
        return Response.json(await users.save({ name, photos: urls.map((url) => ({ url })) }))
      } catch (error) {
        if (!(error instanceof QueryFailedError)) throw error
        return Response.json({ name: error.name, of: error.constructor.name }, { status: 409 })
      }
    case '/find':
      return Response.json(
        await users.find({ relations: { photos: true }, order: { id: 'ASC', photos: { id: 'ASC' } } }),
      )
    case '/query':
      return Response.json(
        await users
          .createQueryBuilder('user')
          .leftJoin('user.photos', 'photo')
          .select('user.name', 'name')
          .addSelect('COUNT(photo.id)::int', 'photos')
          .groupBy('user.id')
          .getRawMany(),
      )
    default:
      await source
        .transaction(async (manager) => {
          await manager.delete(PhotoEntity, { url: '1.png' })
          throw new Error('rolled back')
        })
        .catch(() => undefined)
      return Response.json(await source.getRepository(PhotoEntity).count())
  }
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const source = new DataSource({
      type: 'postgres',
      url: env.DATABASE_URL,
      entities: [UserEntity, PhotoEntity],
    })
    await source.initialize()
    try {
      return await answer(request, source)
    } finally {
      await source.destroy()
    }
  },
})
