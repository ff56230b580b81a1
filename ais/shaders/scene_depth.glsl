// From the depth buffer back to angstrom in front of the viewer.

uniform sampler2D depth;
uniform vec2 depth_terms;
uniform float perspective;

float in_angstrom(float value) {
    float clip = 2.0 * value - 1.0;
    return perspective > 0.5 ? depth_terms.y / (clip + depth_terms.x) : (depth_terms.y - clip) / depth_terms.x;
}
