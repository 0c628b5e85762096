import { type Kysely, sql } from 'kysely'
import type { Database } from './database.ts'

export interface NewPost {
  id: string
  author: string
  title: string
}

/** Saves a post and its author, who may be known already, or neither of the two. */
export async function publish(
  db: Kysely<Database>,
  { id, author, title }: NewPost,
  now: number,
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await transaction
      .insertInto('authors')
      .values({ id: author.toLowerCase(), name: author })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
    await transaction
      .insertInto('posts')
      .values({ id, author: author.toLowerCase(), title, views: 0, created: now })
      .execute()
  })
}

/** Counts a view of a post; returns undefined if there is no such post. */
export function view(
  db: Kysely<Database>,
  id: string,
): Promise<{ title: string; views: number } | undefined> {
  return db
    .updateTable('posts')
    .set((update) => ({ views: update('views', '+', 1) }))
    .where('id', '=', id)
    .returning(['title', 'views'])
    .executeTakeFirst()
}

/** Lists authors with the number of their posts and of the posts' views, the most read first. */
export function ranking(
  db: Kysely<Database>,
  limit: number,
): Promise<{ name: string; posts: number; views: number }[]> {
  return (
    db
      .selectFrom('authors')
      .innerJoin('posts', 'posts.author', 'authors.id')
      .select(({ fn }) => [
        'authors.name',
        fn.count<number>('posts.id').as('posts'),
        fn.sum<number>('posts.views').as('views'),
      ])
      .groupBy(['authors.id', 'authors.name'])
      // `views` is the alias in the select clause, which both engines accept in ORDER BY.
      .orderBy(sql.ref('views'), 'desc')
      .orderBy('authors.name')
      .limit(limit)
      .execute()
  )
}
