// A straight line of some width on the screen, two triangles each, from the numbers of its vertices.

uniform vec4 ends[2 * LINES];
uniform vec4 colours[LINES];
uniform mat4 to_clip[1];
uniform vec2 size;
uniform float width;

out vec4 colour;

void main() {
    int line = gl_VertexID / 6;
    int corner = gl_VertexID % 6;
    colour = colours[line];
    vec4 one = to_clip[0] * ends[2 * line];
    vec4 other = to_clip[0] * ends[2 * line + 1];
    // What lies behind the viewer is cut off, or it would be drawn mirrored.
    float behind = 1e-3;
    if (one.w < behind && other.w < behind) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
        return;
    }
    if (one.w < behind) one = mix(one, other, (behind - one.w) / (other.w - one.w));
    if (other.w < behind) other = mix(other, one, (behind - other.w) / (one.w - other.w));
    vec2 way = (other.xy / other.w - one.xy / one.w) * size;
    vec2 along = length(way) > 1e-6 ? normalize(way) : vec2(1.0, 0.0);
    bool at_end = corner == 1 || corner == 2 || corner == 4;
    float side = corner == 0 || corner == 1 || corner == 3 ? -1.0 : 1.0;
    vec4 at = at_end ? other : one;
    vec2 aside = vec2(-along.y, along.x) * side * width / size + along * (at_end ? 0.5 : -0.5) * width / size;
    gl_Position = at + vec4(aside * at.w, 0.0, 0.0);
}
