// The light of an image over what is drawn already; how they are blended is set outside.
// MODE: 0 its light is added, 1 it covers, 2 what lies below takes its colour, 3 is seen only where there is light.

out vec4 result;

uniform vec2 view;        // size of the view, screen pixels
uniform vec2 centre;      // picture coordinates (column, row) in the middle of the view
uniform float step_px;    // picture pixels per screen pixel
uniform vec3 across;      // (column, row, 1) of the picture to the column of the image
uniform vec3 down;        // and to its row
uniform vec4 within;      // columns and rows of the picture where the image lies: from xy to zw
uniform vec2 size;        // of the image (columns, rows)
uniform float opacity;
uniform float level;      // of the smaller copies of the image, where it is shrunk
uniform sampler2D image;  // colours multiplied by the brightness, which is the last channel

void main() {
    vec2 middle = gl_FragCoord.xy - 0.5 * view;
    vec2 position = centre + vec2(middle.x, -middle.y) * step_px;
    vec2 here = vec2(dot(across, vec3(position, 1.0)), dot(down, vec3(position, 1.0)));
    bool outside = any(lessThan(here, vec2(-0.5))) || any(greaterThanEqual(here, size - 0.5))
        || any(lessThan(position, within.xy)) || any(greaterThanEqual(position, within.zw));
    if (outside) {
        discard;
    }
    vec4 light = textureLod(image, (here + 0.5) / size, level);
    light *= opacity;
#if MODE == 0
    result = vec4(light.rgb, 0.0);
#elif MODE == 1
    result = light;
#elif MODE == 2
    result = vec4(1.0 - light.a + light.rgb, 1.0);
#else
    result = vec4(vec3(1.0 - opacity + light.a), 1.0);
#endif
}
