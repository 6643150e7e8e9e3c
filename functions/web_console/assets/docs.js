// Shows the OpenAPI document that lies next to this page; requests go to where the page came from.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
followScheme();
dark.addEventListener("change", followScheme);

const reference = document.getElementById("reference");
fetch("openapi.json")
  .then((answer) => {
    if (!answer.ok) throw new Error(`the OpenAPI document was answered with ${answer.status}`);
    return answer.json();
  })
  .then((spec) => {
    const here = new URL(".", window.location.href).href.replace(/\/$/, "");
    window.SwaggerUIBundle({
      spec: { ...spec, servers: [{ url: here }] },
      domNode: reference,
      deepLinking: true,
      docExpansion: "list",
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      validatorUrl: null,
    });
  })
  .catch((error) => {
    reference.textContent = `The reference cannot be shown: ${error.message}`;
  });
