"""`homelab demo`: the whole journey on simulated Pis, to see it without hardware. It proves nothing about real ones.

A simulated Pi is the raw text that the `facts` script would print (`assets/machines/NAME.yaml`); what a script does to
it is data too (`assets/machines/effects.yaml`). No socket is opened anywhere in here.
"""
