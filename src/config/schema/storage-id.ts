import { Type } from './type.ts';

/** The id of an extension that keeps bytes for the component; one that is not there, or does not, is refused. */
export const storageId = (description: string) =>
  Type.Optional(Type.String({ extension: 'storage', description }));
