/** Where a server listens. */
export interface HostPort {
  /** Empty: every address of the machine. */
  readonly host: string;
  readonly port: number;
}

/** `localhost:13133`, `[::1]:13133`, `:13133`, as Go writes it; undefined: something else. */
export function parseHostPort(text: string): HostPort | undefined {
  const parts = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[\w.-]*)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(parts?.port);
  if (!parts || port > 65_535) return undefined;
  return { host: parts.v6 ?? parts.name ?? '', port };
}

/** What is wrong with the endpoint of a server; undefined: nothing. */
export const listenProblem = (endpoint: string, example: string): string | undefined =>
  parseHostPort(endpoint)
    ? undefined
    : `${JSON.stringify(endpoint)} is no host:port to listen on: write it like ${example}, or :${example.split(':').at(-1)} for every address`;
