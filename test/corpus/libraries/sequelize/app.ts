import { DataTypes, Op, Sequelize, UniqueConstraintError, ValidationError } from 'sequelize'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })

async function answer(path: string, sequelize: Sequelize): Promise<Response> {
  const User = sequelize.define(
    'User',
    {
      name: { type: DataTypes.STRING, unique: true, validate: { len: [2, 20] } },
      data: DataTypes.JSONB,
    },
    { timestamps: false },
  )
  switch (path) {
    case '/schema':
      await sequelize.sync()
      return new Response(null, { status: 204 })
    case '/create': {
      const user = await User.create({ name: 'Ädä', data: { tags: ['a'] } })
      const again = await User.create({ name: 'Ädä' }).catch((error: unknown) => error)
      const short = await User.create({ name: 'x' }).catch((error: unknown) => error)
      return Response.json({
        user,
        unique: again instanceof UniqueConstraintError,
        invalid: short instanceof ValidationError,
      })
    }
    case '/find':
      return Response.json(
        await User.findAll({ where: { name: { [Op.like]: 'Ä%' } }, order: [['id', 'DESC']] }),
      )
    case '/transaction': {
      const message = await sequelize
        .transaction(async (transaction) => {
          await User.destroy({ where: {}, transaction })
          throw new Error('rolled back')
        })
        .catch((error: Error) => error.message)
      return Response.json({ message, left: await User.count() })
    }
    default: {
      const [rows] = await sequelize.query('SELECT :a::int + 1 AS sum', { replacements: { a: 1 } })
      return Response.json(rows)
    }
  }
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const sequelize = new Sequelize(env.DATABASE_URL, { logging: false, pool: { max: 1 } })
    try {
      return await answer(new URL(request.url).pathname, sequelize)
    } finally {
      await sequelize.close()
    }
  },
})
