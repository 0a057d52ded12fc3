import { request } from '../../net/node-http.ts';
import { RequestError, reasonOfStatus, requestError } from '../../net/request-error.ts';
import { type Bytes, bytes } from '../../telemetry/units.ts';

/** The metadata server of a cloud: plain HTTP, at an address of the link. */
export interface MetadataServer {
  readonly base: string;
  readonly signal: AbortSignal;
}

interface Question {
  readonly path: string;
  readonly method?: 'GET' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly text: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const maxAnswer: Bytes = bytes(64 * 1024);

/** Rejects with a `RequestError`; no proxy is asked. */
export function ask({ base, signal }: MetadataServer, { path, method = 'GET', headers }: Question) {
  return new Promise<Answer>((resolve, reject) => {
    const url = new URL(path, base);
    const fail = (error: unknown) => reject(requestError(error));
    request(url, { method, headers, signal, agent: false }, (response) => {
      const body: Buffer[] = [];
      let length = 0;
      response.on('error', fail).on('data', (part: Buffer) => {
        length += part.length;
        if (length > maxAnswer)
          response.destroy(new RequestError('too_large', `${path} answered more than ${maxAnswer} bytes`));
        body.push(part);
      });
      response.on('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode === 200) resolve({ text: Buffer.concat(body).toString(), headers: response.headers });
        else fail(new RequestError(reasonOfStatus(statusCode), `${path} answered with status ${statusCode}`));
      });
    })
      .on('error', fail)
      .end();
  });
}

/** What not every machine has. */
export async function askOptional(server: MetadataServer, question: Question): Promise<string | undefined> {
  try {
    return (await ask(server, question)).text;
  } catch (error) {
    if (requestError(error).reason === 'not_found') return undefined;
    throw error;
  }
}

/** Fields of a JSON object that are texts and not empty. */
export function textsIn(json: string, path: string): Readonly<Record<string, string>> {
  const parsed: unknown = parse(json, path);
  if (typeof parsed !== 'object' || parsed === null)
    throw new RequestError('invalid_response', `${path} answered with no object`);
  return Object.fromEntries(
    Object.entries(parsed).filter(
      (field): field is [string, string] => typeof field[1] === 'string' && field[1] !== '',
    ),
  );
}

function parse(json: string, path: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new RequestError('invalid_response', `${path} answered with no JSON`, { cause });
  }
}
