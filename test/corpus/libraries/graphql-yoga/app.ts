import { GraphQLError } from 'graphql'
import { createPubSub, createSchema, createYoga, Repeater } from 'graphql-yoga'
import { defineApp } from 'unmoor'

const books = [
  { id: '1', title: 'Dune', authorId: 'a' },
  { id: '2', title: 'Emma', authorId: 'b' },
]
const authors = new Map([
  ['a', { name: 'Herbert' }],
  ['b', { name: 'Austen' }],
])
const pubSub = createPubSub<{ added: [{ id: string; title: string; authorId: string }] }>()

const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: /* GraphQL */ `
      type Author {
        name: String!
      }
      type Book {
        id: ID!
        title: String!
        author: Author!
      }
      scalar File
      type Query {
        books(first: Int = 10): [Book!]!
        greetings(name: String!): String
        secret: String
        broken: String
      }
      type Mutation {
        add(title: String!): Book!
        size(file: File!): Int!
      }
      type Subscription {
        countdown(from: Int!): Int!
      }
    `,
    resolvers: {
      Query: {
        books: (_, { first }: { first: number }) => books.slice(0, first),
        greetings: (_, { name }: { name: string }) => `Hello ${name}`,
        secret: () => {
          throw new GraphQLError('Not for you', { extensions: { code: 'FORBIDDEN' } })
        },
        broken: () => {
          throw new Error('internal detail')
        },
      },
      Book: { author: ({ authorId }: { authorId: string }) => Promise.resolve(authors.get(authorId)) },
      Mutation: {
        add(_, { title }: { title: string }) {
          const book = { id: '3', title, authorId: 'a' }
          pubSub.publish('added', book)
          return book
        },
        size: async (_, { file }: { file: File }) => (await file.text()).length,
      },
      Subscription: {
        countdown: {
          subscribe: (_, { from }: { from: number }) =>
            new Repeater<{ countdown: number }>(async (push, stop) => {
              for (let left = from; left >= 0; left--) await push({ countdown: left })
              stop()
            }),
        },
      },
    },
  }),
})

export default defineApp({ fetch: (request) => yoga.fetch(request) })
