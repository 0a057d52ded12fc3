/** How an image is run, in the words of the OCI image specification. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
}

/** What the last stage of a Dockerfile says of it; throws at an instruction that neither this nor the layout of files has. */
export function imageConfig(dockerfile: string): ImageConfig {
  const lines = dockerfile.split('\n').filter((line) => line.trim() && !line.startsWith('#'));
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')) + 1);
  let config: ImageConfig = {};
  for (const line of stage) {
    const [, instruction = '', rest = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (instruction === 'ENTRYPOINT') config = { ...config, Entrypoint: JSON.parse(rest) };
    else if (instruction === 'CMD') config = { ...config, Cmd: JSON.parse(rest) };
    else if (instruction === 'ENV') config = { ...config, Env: [...(config.Env ?? []), rest] };
    else if (instruction === 'LABEL') config = { ...config, Labels: { ...config.Labels, ...label(rest) } };
    else if (instruction !== 'COPY') throw new Error(`cannot build an image from this line: ${line}`);
  }
  return config;
}

function label(text: string): Record<string, string> {
  const [, key, value] = /^([\w.-]+)="([^"]*)"$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new Error(`cannot read this label: ${text}`);
  return { [key]: value };
}
