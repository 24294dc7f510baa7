"""The lecture's systems, one file each: a short combination of bricks and an objective."""

from course_lib.models.adversarial_autoencoder import AdversarialAutoencoder
from course_lib.models.autoregressive_flow import AutoregressiveFlow
from course_lib.models.beta_vae import BetaVAE
from course_lib.models.combine import combine
from course_lib.models.coupling_flow import CouplingFlow
from course_lib.models.flow_gan import FlowGAN
from course_lib.models.flow_posterior_vae import FlowPosteriorVAE
from course_lib.models.hierarchical_pixelvae import HierarchicalPixelVAE
from course_lib.models.info_gan import InfoGAN
from course_lib.models.info_vae import InfoVAE
from course_lib.models.inverse_autoregressive_flow import InverseAutoregressiveFlow
from course_lib.models.multimodal_vae import MultimodalVAE
from course_lib.models.neural_autoregressive_flow import NeuralAutoregressiveFlow
from course_lib.models.pixelcnn import PixelCNN
from course_lib.models.pixelvae import PixelVAE
from course_lib.models.semi_supervised_vae import SemiSupervisedVAE
from course_lib.models.vae import VAE
from course_lib.models.vae_gan import VAEGAN
from course_lib.models.variational_rnn import VariationalRNN

MAF, IAF, NAF = AutoregressiveFlow, InverseAutoregressiveFlow, NeuralAutoregressiveFlow

__all__ = [
    "IAF",
    "MAF",
    "NAF",
    "VAE",
    "VAEGAN",
    "AdversarialAutoencoder",
    "AutoregressiveFlow",
    "BetaVAE",
    "CouplingFlow",
    "FlowGAN",
    "FlowPosteriorVAE",
    "HierarchicalPixelVAE",
    "InfoGAN",
    "InfoVAE",
    "InverseAutoregressiveFlow",
    "MultimodalVAE",
    "NeuralAutoregressiveFlow",
    "PixelCNN",
    "PixelVAE",
    "SemiSupervisedVAE",
    "VariationalRNN",
    "combine",
]
