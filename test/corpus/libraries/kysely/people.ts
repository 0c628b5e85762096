import { type Dialect, Kysely, sql } from 'kysely'

interface Database {
  person: { id: string; first_name: string; last_name: string | null; age: number }
  pet: { id: string; owner_id: string; name: string; species: string }
}

/** The app, on whatever database the dialect is of. */
export async function answer(request: Request, dialect: Dialect): Promise<Response> {
  const db = new Kysely<Database>({ dialect })
  const { pathname, searchParams } = new URL(request.url)
  switch (`${request.method} ${pathname}`) {
    case 'POST /people': {
      const people = (await request.json()) as {
        id: string
        first_name: string
        age: number
        pets: string[]
      }[]
      const { insertId: _, ...result } = await db
        .insertInto('person')
        .values(people.map(({ id, first_name, age }) => ({ id, first_name, age, last_name: null })))
        .executeTakeFirst()
      const pets = people.flatMap(({ id, pets }) =>
        pets.map((name, at) => ({ id: `${id}-${at}`, owner_id: id, name, species: 'dog' })),
      )
      await db.insertInto('pet').values(pets).execute()
      return Response.json({ inserted: Number(result.numInsertedOrUpdatedRows) }, { status: 201 })
    }
    case 'GET /people':
      return Response.json(
        await db
          .selectFrom('person')
          .selectAll()
          .where('age', '>=', Number(searchParams.get('age') ?? 0))
          .orderBy('first_name')
          .execute(),
      )
    case 'GET /pets':
      return Response.json(
        await db
          .selectFrom('person')
          .leftJoin('pet', 'pet.owner_id', 'person.id')
          .select(({ fn }) => ['person.first_name as owner', fn.count<number>('pet.id').as('pets')])
          .groupBy(['person.id', 'person.first_name'])
          .orderBy('owner')
          .execute(),
      )
    case 'PATCH /people': {
      const updated = await db
        .updateTable('person')
        .set((update) => ({ age: update('age', '+', 1), last_name: searchParams.get('last_name') }))
        .where('id', '=', searchParams.get('id') ?? '')
        .returning(['id', 'age', 'last_name'])
        .executeTakeFirst()
      return updated === undefined ? new Response(null, { status: 404 }) : Response.json(updated)
    }
    case 'DELETE /pets': {
      const result = await db.deleteFrom('pet').where('name', 'like', 'R%').executeTakeFirst()
      return Response.json({ deleted: Number(result.numDeletedRows) })
    }
    default: {
      const { rows } = await sql<{ total: number }>`select sum(age) + ${1} as total from person`.execute(db)
      return Response.json({ total: Number(rows[0]?.total) })
    }
  }
}
