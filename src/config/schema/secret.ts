import type { TStringOptions } from 'typebox';
import { Type } from './type.ts';

/** A text that is never printed: not in an error, not by `print-config`. */
export const secret = (options: TStringOptions = {}) => Type.String({ ...options, secret: true });
