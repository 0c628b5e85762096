import { PrismaPg } from '@prisma/adapter-pg'
import { defineApp, defineBindings, variable } from 'unmoor'
import { Prisma, PrismaClient } from '#prisma'

const bindings = defineBindings({ DATABASE_URL: variable() })

/** What `prisma migrate` would apply. */
const SCHEMA = [
  'CREATE TABLE "User" ("id" SERIAL PRIMARY KEY, "email" TEXT NOT NULL UNIQUE, "name" TEXT)',
  'CREATE TABLE "Post" ("id" SERIAL PRIMARY KEY, "title" TEXT NOT NULL, "authorId" INTEGER NOT NULL REFERENCES "User" ("id"))',
]

async function answer(request: Request, prisma: PrismaClient): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case '/schema':
      for (const statement of SCHEMA) await prisma.$executeRawUnsafe(statement)
      return new Response(null, { status: 204 })
    case '/create':
      try {
        const { email, titles } = (await request.json()) as { email: string; titles: string[] }
        const posts = { create: titles.map((title) => ({ title })) }
        return Response.json(await prisma.user.create({ data: { email, posts }, include: { posts: true } }))
      } catch (error) {
        if (!(error instanceof Prisma.PrismaClientKnownRequestError)) throw error
        return Response.json(
          { name: error.name, of: error.constructor.name, code: error.code },
          { status: 409 },
        )
      }
    case '/find':
      return Response.json(
        await prisma.user.findMany({
          where: { posts: { some: { title: { contains: 'Tw' } } } },
          select: { email: true, _count: { select: { posts: true } } },
        }),
      )
    case '/raw':
      return Response.json(await prisma.$queryRaw`SELECT count(*)::int AS posts FROM "Post" WHERE id > ${0}`)
    case '/missing':
      return prisma.user.findUniqueOrThrow({ where: { id: 99 } }).then(
        (user) => Response.json(user),
        (error: { code?: string }) => Response.json({ code: error.code }, { status: 404 }),
      )
    default:
      await prisma
        .$transaction(async (tx) => {
          await tx.post.deleteMany()
          throw new Error('rolled back')
        })
        .catch(() => undefined)
      return Response.json(await prisma.post.count())
  }
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: env.DATABASE_URL }) })
    try {
      return await answer(request, prisma)
    } finally {
      await prisma.$disconnect()
    }
  },
})
