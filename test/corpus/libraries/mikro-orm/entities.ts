import { defineEntity, p } from '@mikro-orm/postgresql'

export const Photo = defineEntity({
  name: 'Photo',
  properties: { id: p.integer().primary(), url: p.string(), user: () => p.manyToOne(User) },
})
export const User = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.integer().primary(),
    name: p.string().unique(),
    settings: p.json<{ theme: string }>().nullable(),
    photos: () => p.oneToMany(Photo).mappedBy('user'),
  },
})
