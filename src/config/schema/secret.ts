import { type TStringOptions, Type } from 'typebox';

/** A text that is never printed: not in an error, not by `print-config`. */
export const secret = (options: TStringOptions = {}) => Type.String({ ...options, secret: true });
