// As well as sharp can: one thread, each variant scaled from the one before.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const sharp = createRequire(process.argv[3])("sharp");
const wanted = JSON.parse(process.argv[2]);
sharp.concurrency(1);
sharp.cache(false);

async function render(photo, folder) {
  let image = sharp(photo, { failOn: "error" }).rotate();
  for (const { name, width, quality, effort } of wanted) {
    const scaled = image.resize({ width, withoutEnlargement: true });
    const { data, info } = await scaled.raw().toBuffer({ resolveWithObject: true });
    const { width: w, height, channels } = info;
    image = sharp(data, { raw: { width: w, height, channels } });
    await image.clone().webp({ quality, effort }).toFile(`${folder}/${name}.webp`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [photo, folder] = line.split("\t");
  const begun = process.cpuUsage();
  await render(photo, folder);
  const { user, system } = process.cpuUsage(begun);
  console.log((user + system) / 1e6);
}
