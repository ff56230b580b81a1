// How light falls on a surface that faces along `normal` in the view. SHADING: 0 Phong, 1 cartoon, 2 flat.

uniform float ambient;
uniform float head_light;
uniform vec3 accent;

const vec3 LAMP = vec3(-0.30, 0.38, 0.875);
const vec3 HALFWAY = vec3(-0.155, 0.196, 0.968);

// `open_sky` is how much of the light from everywhere gets there, 0 to 1.
vec3 lit(vec3 colour, vec3 normal, float open_sky) {
#if SHADING == 2
    return colour * min(ambient + head_light, 1.0) * open_sky;
#else
    if (normal.z < 0.0) normal = -normal;
    float facing = max(dot(normal, LAMP), 0.0);
    float shine = 0.0;
#if SHADING == 1
    float glance = 0.25 * fwidth(facing);
    facing = 0.35 + 0.30 * smoothstep(0.30 - glance, 0.32 + glance, facing) + 0.35 * smoothstep(0.68 - glance, 0.70 + glance, facing);
#else
    float gloss = max(dot(normal, HALFWAY), 0.0);
    gloss *= gloss;
    gloss *= gloss;
    gloss *= gloss;
    shine = 0.16 * gloss * gloss * gloss;
#endif
    float sky = ambient * (0.9 + 0.1 * normal.y) * open_sky;
    return colour * (sky + head_light * facing * mix(1.0, open_sky, 0.6)) + shine * head_light * open_sky;
#endif
}

// The colour of an entry of the table, whose alpha tells that it is highlighted.
// It keeps something of its own: with the whole of another colour it would look like a part of another volume.
vec3 painted(vec4 found) { return found.a > 0.75 ? mix(found.rgb, accent, 0.4) : found.rgb; }
